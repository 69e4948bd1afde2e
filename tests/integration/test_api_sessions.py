"""Promise: a session is registered as the request says or refused with the
reason, its token is its own, and it ends with its process (local-api.md,
"Endpoints"; design.md, "Who owns what", "Sessions"; fault 20 of delivery.md
section 9).
"""

import os
import re
import subprocess
import sys

import pytest

from harness import Key, wait_for
from harness.asserts import arrived, brought, is_error, registration
from harness.keys import now_ms


def register(api, **changes):
    return api.post("/v1/sessions/register", registration(**changes))


def test_register_and_me(daemon, api):
    before = now_ms()
    b = registration(display_name="ñame", cwd="/var/tmp", role="reviewer",
             groups=["@dev:lead", {"name": "ops"}], caps=["dm"])
    r = api.post("/v1/sessions/register", b)
    assert r.status == 200, r
    assert r.json["ok"] is True and r.json["presence_accepted"] is True
    assert before - 1000 <= r.json["registered_at"] <= now_ms() + 1000
    assert re.fullmatch("[0-9a-f]{64}", r.json["session_pubkey"])
    me = daemon.api(b["token"]).get("/v1/sessions/me").json["session"]
    assert me["sessionId"] == b["session_id"] and me["mesh"] == "local"
    assert me["displayName"] == "ñame" and me["pid"] == os.getpid()
    assert me["cwd"] == "/var/tmp" and me["role"] == "reviewer"
    assert me["groups"] == [{"name": "dev", "role": "lead"},
                            {"name": "ops"}]
    assert me["caps"] == ["dm"]
    assert me["presence"] == {"sessionPubkey": r.json["session_pubkey"]}
    assert me["registeredAt"] == r.json["registered_at"]
    assert me["token_prefix"] == b["token"][:8]
    assert me["state"] in ("starting", "connecting", "open", "registered")


def test_mint_explicitly(api):
    r = register(api, presence={"mint": True})
    assert r.status == 200 and len(r.json["session_pubkey"]) == 64


@pytest.mark.parametrize("changes", [
    {"token": None}, {"token": "zz"}, {"token": "0" * 63}, {"token": 7},
    {"token": "G" * 64}, {"session_id": None}, {"session_id": ""},
    {"session_id": 7}, {"session_id": "x" * 5000}, {"session_id": "a\u0007"},
    {"mesh": 7}, {"display_name": None},
    {"display_name": ""}, {"display_name": "x" * 5000}, {"pid": None},
    {"pid": 0}, {"pid": -1}, {"pid": "1"}, {"pid": 2**40}, {"pid": 1.5},
    {"cwd": 7}, {"cwd": "x" * 5000}, {"role": 7}, {"role": "x" * 5000},
    {"groups": "dev"}, {"groups": [7]}, {"groups": ["@a b"]},
    {"groups": [{"role": "x"}]}, {"groups": ["@"]},
    {"groups": [{"name": "a;b"}]}, {"caps": "dm"}, {"caps": ["fly"]},
    {"caps": [7]}, {"presence": 7}, {"presence": {}}, {"presence": []},
    {"presence": {"mint": False}}])
def test_register_nonsense(daemon, api, changes):
    before = len(api.get("/v1/sessions").json["sessions"])
    is_error(register(api, **changes), 400)
    assert len(api.get("/v1/sessions").json["sessions"]) == before


def test_register_with_a_brought_key(daemon, api, member_key, bob):
    key = Key()
    b = registration(presence=brought(member_key, key))
    daemon.secrets.add(key.secret)
    r = api.post("/v1/sessions/register", b)
    assert r.status == 200, r
    assert r.json["session_pubkey"] == key.pub
    mine = daemon.api(b["token"])
    wait_for(lambda: mine.get("/v1/sessions/me").json["session"]["state"]
             == "open", 15)
    mine.send(bob.pubkey, "from a brought key")
    assert arrived(bob, "from a brought key")["sender_pubkey"] == key.pub


@pytest.mark.parametrize("changes", [
    {"session_pubkey": "zz"}, {"session_pubkey": None},
    {"session_pubkey": Key().pub}, {"session_secret_key": "zz"},
    {"session_secret_key": None}, {"session_secret_key": Key().secret},
    {"session_secret_key": "0" * 128}, {"parent_attestation": 7},
    {"signature": "0" * 128},
    {"signature": None}, {"parent_member_pubkey": Key().pub},
    {"expires_at": 1000}, {"expires_at": now_ms() + 48 * 3600 * 1000}])
def test_malformed_presence_is_400(api, member_key, changes):
    """Not a silent session without a connection."""
    p = brought(member_key, Key(), **changes)
    is_error(register(api, presence=p), 400)


def test_unknown_mesh(api):
    """Fault 20."""
    assert is_error(register(api, mesh="zzz"), 404) == "mesh_not_attached"


def test_a_process_that_is_gone(api):
    p = subprocess.Popen(["true"])
    p.wait()
    assert is_error(register(api, pid=p.pid), 400) == "pid_not_yours"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to be another user")
def test_a_process_of_another_uid(api):
    p = subprocess.Popen(
        [sys.executable, "-c", "import os, sys\nos.setgid(65534)\n"
         "os.setuid(65534)\nprint(flush=True)\nsys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.readline()
    try:
        assert is_error(register(api, pid=p.pid), 400) == "pid_not_yours"
    finally:
        p.stdin.close()
        p.wait()


def test_a_token_in_use(api, alice):
    is_error(register(api, token=alice.token), 409)
    assert alice.me()["sessionId"] == alice.session_id


def test_registered_again_with_its_token(daemon, api):
    s = daemon.register("again")
    key = s.pubkey
    r = s.register()
    assert r.status == 200 and s.pubkey == key
    listed = [x for x in api.get("/v1/sessions").json["sessions"]
              if x["sessionId"] == s.session_id]
    assert len(listed) == 1


def test_registered_again_with_a_new_token(daemon, api):
    s = daemon.register("newtoken")
    t = daemon.register("newtoken", session_id=s.session_id)
    assert t.pubkey == s.pubkey
    is_error(s.api.get("/v1/sessions/me"), 401)
    assert t.state() == "open"


def test_two_meshes_are_told_apart(api, alice, bob):
    """With a session token the mesh is the session's."""
    r = alice.send(bob, "wrong mesh named", mesh="other")
    assert is_error(r, 403) == "not_your_mesh"
    assert alice.send(bob, "right mesh named", mesh="local").status == 202


def test_sessions_list(api, alice, bob):
    rows = {s["sessionId"]: s for s in
            api.get("/v1/sessions").json["sessions"]}
    for s in alice, bob:
        assert rows[s.session_id]["presence"]["sessionPubkey"] == s.pubkey
        assert rows[s.session_id]["token_prefix"] == s.token[:8]


def test_delete(daemon, api):
    s = daemon.register("goes")
    r = api.delete(f"/v1/sessions/{s.token}")
    assert r.status == 200
    assert r.json == {"ok": True, "token_prefix": s.token[:8]}
    r = api.delete(f"/v1/sessions/{s.token}")
    assert r.status == 404, r
    r = api.delete("/v1/sessions/" + "c" * 64)
    assert r.status == 404 and r.json["token_prefix"] == "cccccccc"
    is_error(api.delete("/v1/sessions/zz"), 400)


def test_the_owner_ends_and_so_does_the_session(daemon):
    """design.md: within milliseconds of its process."""
    p = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    s = daemon.register("owned", pid=p.pid)
    p.stdin.close()
    p.wait()
    wait_for(lambda: s.api.get("/v1/sessions/me").status == 401, 5)


def test_the_only_mesh_need_not_be_named(daemon, api):
    b = registration(mesh=None)
    r = api.post("/v1/sessions/register", b)
    assert r.status == 200, r
    me = daemon.api(b["token"]).get("/v1/sessions/me").json["session"]
    assert me["mesh"] == "local"


def test_capabilities_are_never_widened(make):
    """issue, "Capabilities": not by registering again, with the same token or
    another one, another key, or after an end; narrower is fine."""
    d = make.daemon()
    s = d.register("narrow", caps=["dm", "state-read"])
    wide = {**s.body(), "caps": ["dm", "state-read", "broadcast"]}
    key = Key()
    fresh = {"token": "ab" * 32}
    d.secrets.update([key.secret, fresh["token"]])
    own_key = {"session_pubkey": key.pub, "session_secret_key": key.secret}

    def refused(body):
        r = s.api.post("/v1/sessions/register", body, auth=False)
        assert r.status == 409 and r.json["error"] == "caps_wider", r
        return True

    assert refused(wide)
    assert refused({**wide, **fresh})
    assert refused({**wide, "presence": own_key})
    assert s.me()["caps"] == ["dm", "state-read"]
    # Without a word about it they stay.
    s.fields.pop("caps")
    s.register()
    assert s.me()["caps"] == ["dm", "state-read"]
    s.fields["caps"] = ["dm"]
    s.register()
    assert s.me()["caps"] == ["dm"]
    assert s.api.delete("/v1/sessions/" + s.token).status == 200
    assert refused(wide)
    d.stop()
    d.start()
    s.api.close()
    assert refused(wide)
    s.fields.pop("caps")
    s.register()
    assert s.me()["caps"] == ["dm"]
