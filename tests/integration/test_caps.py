"""Promise: a session may do what it was registered for and nothing else: each
verb with a capability refuses a session without it, naming it, and answers one
with it; there is no way to more than was given (issue, "Capabilities";
design.md, "Keys").
"""

import json
import pathlib
import re

import pytest

from harness import Key
from harness.asserts import brought, is_error, registration

ALL = ["dm", "broadcast", "state-read", "state-write", "grant", "kick",
       "ban", "profile-write", "service-deploy"]

# Every request that has a capability; that none is missing is tested below.
AT = {"deliver_at": "2100-01-01T00:00:00Z"}
NEEDS = [
    ("POST", "/v1/send", {"to": "{key}", "message": "m"}, "dm"),
    ("POST", "/v1/send", {"to": "{prefix}", "message": "m"}, "dm"),
    ("POST", "/v1/send", {"to": "some name", "message": "m"}, "dm"),
    ("POST", "/v1/send", {"to": "*", "message": "m"}, "broadcast"),
    ("POST", "/v1/send", {"to": "@all", "message": "m"}, "broadcast"),
    ("POST", "/v1/send", {"to": "#topic", "message": "m"}, "broadcast"),
    ("POST", "/v1/schedule", {"to": "{key}", "message": "m", **AT}, "dm"),
    ("POST", "/v1/schedule", {"to": "some name", "message": "m", **AT}, "dm"),
    ("POST", "/v1/schedule", {"to": "*", "message": "m", **AT}, "broadcast"),
    ("POST", "/v1/schedule", {"to": "@all", "message": "m", **AT},
     "broadcast"),
    ("POST", "/v1/schedule", {"to": "#topic", "message": "m", **AT},
     "broadcast"),
    ("POST", "/v1/schedule", {"to": "*", "message": "m",
                              "cron": "* * * * *"}, "broadcast"),
    ("GET", "/v1/state", None, "state-read"),
    ("GET", "/v1/state?key=k", None, "state-read"),
    ("POST", "/v1/state", {"key": "k", "value": 1}, "state-write"),
    ("GET", "/v1/memory", None, "state-read"),
    ("POST", "/v1/memory", {"content": "c"}, "state-write"),
    ("DELETE", "/v1/memory/x", None, "state-write"),
    ("PUT", "/v1/skills/s", {"description": "d", "instructions": "i"},
     "service-deploy"),
    ("DELETE", "/v1/skills/nothing", None, "service-deploy"),
    ("POST", "/v1/groups/g/join", None, "profile-write"),
    ("POST", "/v1/groups/g/leave", None, "profile-write"),
    ("POST", "/v1/profile", {"summary": "s"}, "profile-write"),
    ("POST", "/v1/peers/kick", {"target": "nobody"}, "kick"),
    ("POST", "/v1/peers/disconnect", {"target": "nobody"}, "kick"),
    ("POST", "/v1/peers/ban", {"target": "nobody"}, "ban"),
    ("POST", "/v1/peers/unban", {"target": "nobody"}, "ban"),
    ("GET", "/v1/peers/bans", None, "ban"),
]


def names(request):
    method, path, body, cap = request
    to = f" to {body['to']}" if body and "to" in body else ""
    return f"{method} {path}{to}"


@pytest.fixture(scope="module")
def key():
    return Key().pub


def filled(body, key):
    return body and json.loads(json.dumps(body).replace("{key}", key)
                               .replace("{prefix}", key[:16]))


@pytest.mark.parametrize("request_", NEEDS, ids=names)
def test_each_verb_needs_its_own(daemon, key, request_):
    method, path, body, cap = request_
    body = filled(body, key)
    for caps in [], [c for c in ALL if c != cap]:
        s = daemon.register("without", caps=caps, wait_open=False)
        r = s.api.request(method, path, body)
        assert is_error(r, 403) == "missing_capability", r
        assert f"'{cap}'" in r.json["detail"], r
        assert s.api.delete(f"/v1/sessions/{s.token}").status == 200
    s = daemon.register("with", caps=[cap])
    r = s.api.request(method, path, body)
    assert r.status != 403 and r.json.get("error") != "missing_capability", r
    assert s.api.delete(f"/v1/sessions/{s.token}").status == 200


def test_nothing_else_needs_one(daemon, bob):
    """One without any may be told things, and say who it is."""
    s = daemon.register("mute", caps=[])
    bob.send(s, "to the mute one")
    for path in ("/v1/sessions/me", "/v1/sessions", "/v1/inbox", "/v1/outbox",
                 "/v1/peers", "/v1/skills", "/v1/topics", "/v1/schedule",
                 "/v1/mesh_info", "/v1/meshes", "/v1/status"):
        r = s.api.get(path)
        assert r.status == 200, (path, r)


def test_a_requeue_is_a_send(daemon, key):
    """Of its own rows, by their targets, when it was narrowed meanwhile."""
    s = daemon.register("narrowed", caps=["dm", "broadcast"])
    s.send(key, "to a peer", client_message_id="c1")
    s.api.post("/v1/outbox/hold", {"ids": [r["id"] for r in s.outbox()]})
    row, = s.outbox()
    s.fields["caps"] = ["broadcast"]
    s.register()
    r = s.api.post("/v1/outbox/requeue", {"id": row["id"]})
    assert is_error(r, 403) == "missing_capability"
    assert "'dm'" in r.json["detail"]


def route_pattern(path):
    """Of the source: what stands at {} is anything."""
    return re.escape(path).replace(r"\{\}", "[^/?]+")


def test_every_route_of_the_table_is_asked():
    """The API on one screen, as the gate's source has it: what has a
    capability there stands above, and nothing else does."""
    source = pathlib.Path(__file__).parents[2] / "supervisor/gate/route.c"
    table = re.findall(r'\{ EVHTTP_REQ_(\w+), "([^"]+)",\s*([^}]*?),\s*(\w+),'
                       r'\s*on_\w+ \}', source.read_text())
    assert len(table) > 50
    by_target = {("POST", "/v1/send"), ("POST", "/v1/schedule")}
    for method, path, _, cap in table:
        needs = {c for m, p, _, c in NEEDS if m == method and re.fullmatch(
            route_pattern(path), p.partition("?")[0])}
        if cap != "0":
            assert needs == {cap[4:].lower().replace("_", "-")}, (method, path)
        elif (method, path) in by_target:
            assert needs == {"dm", "broadcast"}
        else:
            assert not needs, (method, path)


# --- no way to more ---

def headers(s):
    return [{"Authorization": f"ClaudeMesh-Session {s.token}"},
            {"X-ClaudeMesh-Session": s.token},
            {"Authorization": f"ClaudeMesh-Session {s.token}",
             "X-ClaudeMesh-Session": s.token},
            {"Authorization": f"claudemesh-session   {s.token.upper()}"},
            {"Authorization": "Bearer whatever",
             "X-ClaudeMesh-Session": s.token}]


def test_a_token_counts_wherever_it_stands(daemon, key):
    """In any header, of any spelling, on either socket."""
    s = daemon.register("narrow", caps=["state-read"])
    for api in daemon.api(), daemon.api(admin=True):
        for h in headers(s):
            for path, body in (("/v1/send", {"to": key, "message": "m"}),
                               ("/v1/state", {"key": "k", "value": 1}),
                               ("/v1/peers/kick", {"all": True})):
                r = api.post(path, body, headers=h)
                assert is_error(r, 403) == "missing_capability", (h, r)
            r = api.get("/v1/sessions/me", headers=h)
            assert r.json["session"]["caps"] == ["state-read"]
    # What is no token at all is not taken for nobody.
    for bad in ({"Authorization": "ClaudeMesh-Session"},
                {"Authorization": f"ClaudeMesh-Session {s.token[:-1]}"},
                {"Authorization": "Basic eDp5"},
                {"X-ClaudeMesh-Session": ""},
                {"Authorization": f"ClaudeMesh-Session {s.token}",
                 "X-ClaudeMesh-Session": "0" * 64}):
        r = daemon.api().post("/v1/send", {"to": key, "message": "m"},
                              headers=bad)
        assert r.status == 401, (bad, r)


def test_a_session_registers_none_that_may_more(daemon, member_key):
    """Neither itself, nor a new one, nor one that is there, however the
    request is made."""
    s = daemon.register("narrow", caps=["dm", "state-read"])
    wide = daemon.register("wide", caps=["dm", "ban"])

    def register(**changes):
        b = registration(**changes)
        daemon.secrets.add(b["token"])
        r = s.api.post("/v1/sessions/register", b)
        if r.status == 200:
            me = daemon.api(b["token"]).get("/v1/sessions/me").json["session"]
            return me["caps"]
        assert is_error(r, 409) == "caps_wider", r
        return None
    assert register(caps=ALL) is None
    assert register(caps=["dm", "kick"]) is None
    assert register() == ["dm", "state-read"]
    assert register(caps=["dm"]) == ["dm"]
    assert register(caps=[]) == []
    key = Key()
    daemon.secrets.add(key.secret)
    assert register(caps=["kick"], presence=brought(member_key, key)) is None
    assert register(presence=brought(member_key, key)) == ["dm", "state-read"]
    # One of the same uid that may more: with a new token it would be its own.
    assert register(session_id=wide.session_id, caps=["ban"]) is None
    assert wide.me()["caps"] == ["dm", "ban"]
    assert register(session_id=wide.session_id) == ["dm"]
    assert wide.api.get("/v1/sessions/me").status == 401
    assert s.me()["caps"] == ["dm", "state-read"]


def test_parked_and_resumed_it_may_no_more(make):
    d = make.daemon()
    s = d.register("narrow", caps=["state-read"])
    for path in ("/v1/presence/pause", "/v1/presence/resume",
                 f"/v1/sessions/{s.session_id}/resume"):
        r = s.api.post(path)
        assert r.status == 200, r
        assert s.me()["caps"] == ["state-read"]
        assert is_error(s.send("*", "may not"), 403) == "missing_capability"
    # Pause and resume with its token are its own, not its mesh's.
    other = d.register("other")
    s.api.post("/v1/presence/pause")
    s.wait_state("parked")
    assert other.state() == "open"
    s.api.post("/v1/presence/resume", {"mesh": "local"})
    s.wait_open()


# --- shown ---

def test_session_list_shows_them(make):
    d = make.daemon()
    given = {"every": None, "few": ["dm", "state-read"], "mute": []}
    for name, caps in given.items():
        d.register(name, **({} if caps is None else {"caps": caps}))
    rows = {s["displayName"]: s["caps"] for s in json.loads(
        d.ms("session", "list", "--json"))["sessions"]}
    assert rows == {"every": ALL, "few": ["dm", "state-read"], "mute": []}
    text = {line.split()[0]: line.split()[-1]
            for line in d.ms("session", "list").splitlines()}
    assert text["NAME"] == "CAPS"
    assert text["every"] == "all"
    assert text["few"] == "dm,state-read"
    assert text["mute"] == "none"
