"""Promise: `presence pause` keeps a session or a mesh away from its broker
without ending anything, until `resume`, over every restart; what is sent
meanwhile waits, and says so (design.md, "Sessions"; local-api.md, "Endpoints").
"""

import json
import os

from harness import Key, wait_for
from harness.asserts import is_error
from harness.world import World, body_list, row_of


def paused(api, body=None, verb="pause"):
    r = api.post(f"/v1/presence/{verb}", body)
    assert r.status == 200 and r.json["ok"] is True, r
    return r.json


def test_a_session_pauses_itself(world):
    s, other = world.register(), world.register("other")
    conn = s.conn()
    with s.events() as mine, other.events() as theirs:
        assert paused(s.api) == {"ok": True, "paused": True,
                                 "state": "parked", "reason": "paused"}
        world.broker.wait(lambda: conn.closed, 10, "still connected")
        mine.wait("broker_status", lambda e: e.data.get("session") ==
                  s.session_id and e.data["status"] == "parked" and
                  e.data["reason"] == "paused")
        r = s.send(other.pubkey, "later", client_message_id="c1")
        assert r.status == 202 and r.json["status"] == "queued"
        assert r.json["parked"] == "paused"
        assert paused(s.api)["paused"] is True          # twice is once
        world.daemon.stop()
        world.daemon.start()
        assert s.state() == "parked" and s.me()["reason"] == "paused"
        assert row_of(s, "c1")["status"] == "pending"
        other.wait_open()
        assert other.send(Key().pub, "x").json.get("parked") is None
    with s.events() as mine:
        answer = paused(s.api, {}, "resume")
        assert answer["paused"] is False and "reason" not in answer
        s.wait_open()
        mine.wait("broker_status", lambda e: e.data.get("session") ==
                  s.session_id and e.data["status"] == "open")
    assert not [e for e in theirs.all if e.data.get("session") ==
                s.session_id]
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
    assert len([f for f in world.broker.sends if f["id"] == "c1"]) == 1


def test_what_was_in_flight_goes_out_again(world):
    """The same send, with the same id; nothing is lost, nothing dies."""
    s, bob = world.register(), Key()
    world.broker.acks = "hold"
    s.send(bob.pub, "in the air", client_message_id="c1")
    conn = s.conn()
    first, = world.broker.wait_sends(conn, 1)
    paused(s.api)
    world.broker.wait(lambda: conn.closed, 10)
    world.broker.acks = "auto"
    paused(s.api, None, "resume")
    second = world.broker.wait_sends(s.conn(after=conn.number), 1)[0]
    assert (second["id"], second["ciphertext"]) == \
        (first["id"], first["ciphertext"])
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)


def test_a_mesh_pauses_with_its_sessions(world):
    s, other = world.register(), world.register("other")
    paused(other.api)                   # by itself, before
    member = world.broker.wait_member()
    answer = paused(world.daemon.api(), {"mesh": "acme"})
    assert answer == {"ok": True, "paused": True, "meshes": [
        {"slug": "acme", "state": "parked", "reason": "paused"}]}
    world.broker.wait(lambda: member.closed and not world.broker.live(), 10)
    assert s.state() == other.state() == "parked"
    # A caller without a session sends as the member, which waits as well.
    r = world.daemon.api().send(Key().pub, "as a member", mesh="acme",
                                client_message_id="m1")
    assert r.status == 202 and r.json["parked"] == "paused"
    world.daemon.stop()
    world.daemon.start()
    assert s.state() == other.state() == "parked"
    late = world.register("late", wait_open=False)
    assert late.pubkey
    late.wait_state("parked")
    answer = paused(world.daemon.api(), None, "resume")     # every mesh
    assert answer["paused"] is False
    for x in s, late:
        x.wait_open()
    world.broker.wait_member(after=member.number)
    assert other.state() == "parked"    # that was its own
    paused(other.api, None, "resume")
    other.wait_open()


def test_pause_and_resume_at_once(world):
    """However fast they come, the last one counts."""
    s = world.register()
    for _ in range(30):
        paused(s.api)
        paused(s.api, None, "resume")
    s.wait_open()
    push = world.push(s, "still there")

    def arrived():
        """One of the connections before may have been open, for a moment."""
        s.conn().put(push)
        return body_list(s) == ["still there"]
    wait_for(arrived, 20)
    for _ in range(30):
        paused(s.api, None, "resume")
        paused(s.api)
    world.broker.wait(lambda: not [c for c in world.broker.live()
                                   if c.pub == s.pubkey], 10)
    assert s.state() == "parked"


def test_what_cannot_be_asked_meanwhile(world):
    """The refusal says what ends the pause, and not to try again."""
    s, api = world.register(), world.daemon.api()
    topic = {"to": "#news", "message": "x", "mesh": "acme"}
    name = {"to": "somebody", "message": "x", "mesh": "acme"}
    paused(api, {"mesh": "acme"})
    for asker in s.api, api:
        for r, code in (
                (asker.get("/v1/peers"), "roster_unavailable"),
                (asker.get("/v1/state"), "unavailable"),
                (asker.get("/v1/state?key=k"), "unavailable"),
                (asker.post("/v1/send", topic), "roster_unavailable"),
                (asker.post("/v1/send", name), "roster_unavailable")):
            assert is_error(r, 503) == code, r
            assert "parked (paused)" in r.json["detail"], r
            assert "`meshsup presence resume`" in r.json["detail"], r
            assert "again" not in r.json["detail"], r
    r = world.daemon.command("topic", "list")
    assert r.returncode == 1 and "presence resume" in r.stderr, r.stderr
    assert "ry again" not in r.stderr, r.stderr
    # What is away for a moment only says so.
    paused(api, {"mesh": "acme"}, "resume")
    s.wait_open()
    world.broker.stop()
    wait_for(lambda: "broker" in s.api.get("/v1/state").json.get(
        "detail", ""), 10)
    assert "try again" in s.api.get("/v1/state").json["detail"]


def test_what_is_refused(world):
    s, api = world.register(), world.daemon.api()
    for verb in "pause", "resume":
        path = f"/v1/presence/{verb}"
        assert is_error(api.post(path, {"mesh": "nope"}), 404) == \
            "mesh_not_attached"
        assert is_error(s.api.post(path, {"mesh": "nope"}), 403) == \
            "not_your_mesh"
        assert is_error(api.post(path, {"mesh": 7}), 400)
        assert is_error(api.post(path, "nonsense"), 400) == "malformed_json"
        assert is_error(api.get(path), 405)
    assert is_error(api.post("/v1/sessions/nobody/resume"), 404) == \
        "session_not_found"
    assert s.state() == "open"
    paused(s.api, {"mesh": "acme"})     # its own may be named
    r = api.post(f"/v1/sessions/{s.pubkey}/resume")     # by its key
    assert r.status == 200 and r.json["ok"] is True, r
    s.wait_open()


def test_two_sessions_of_one_id(make):
    w = World(make)
    v = World(make)
    v.daemon.stop()
    w.daemon.stop()
    w.daemon.add_mesh({**v.member.mesh_file(v.broker.url), "slug": "beta"})
    w.daemon.start()
    s = w.register()
    there = w.daemon.register("there", mesh="beta", session_id=s.session_id)
    paused(there.api)
    api = w.daemon.api()
    r = api.post(f"/v1/sessions/{s.session_id}/resume")
    assert is_error(r, 409) == "ambiguous_session"
    assert api.post(f"/v1/sessions/{there.pubkey}/resume").status == 200
    there.wait_open()
    # Every mesh of the caller's at once.
    assert {m["slug"] for m in paused(api)["meshes"]} == {"acme", "beta"}
    assert s.state() == there.state() == "parked"
    paused(api, {"mesh": "beta"}, "resume")
    there.wait_open()
    assert s.state() == "parked"


def test_the_verbs(world):
    d = world.daemon
    s = world.register("carol")
    out = d.ms("presence", "pause", "--mesh", "acme")
    assert out == "acme is parked (paused)\n"
    assert "parked (paused)" in d.ms("session", "list")
    assert "parked: carol on acme: paused" in d.ms("status")
    answer = json.loads(d.ms("presence", "resume", "--json"))
    assert answer["ok"] is True and answer["paused"] is False
    s.wait_open()
    paused(s.api)
    answer = json.loads(d.ms("session", "resume", "carol", "--json"))
    assert answer["ok"] is True and answer["state"] == "connecting"
    s.wait_open()
    paused(s.api)
    assert d.ms("session", "resume", s.session_id).startswith(
        f"{s.session_id} is ")
    s.wait_open()
    # Registered again by hand it is still parked, and that is said.
    args = ("session", "register", "--name", "dave", "--mesh", "acme",
            "--pid", str(os.getpid()))
    d.ms(*args)
    d.ms("presence", "pause", "--as", "dave")
    r = d.command(*args)
    assert r.returncode == 0 and ", parked\n" in r.stdout, r
    assert "session resume" in r.stderr
    d.ms("session", "resume", "dave")
    r = d.command("session", "resume", "nobody")
    assert r.returncode == 1 and "nobody" in r.stderr
    assert d.command("session", "resume").returncode == 2
    token = d.root / "token"
    token.touch(mode=0o600)
    token.write_text(f"{s.token}\n")
    out = d.ms("presence", "pause", "--token-file", str(token))
    assert out == "the session is parked (paused)\n"
    r = d.command("send", "--token-file", str(token), Key().pub, "later")
    assert r.returncode == 0 and "parked (paused)" in r.stderr
    d.ms("presence", "resume", "--token-file", str(token))
    s.wait_open()
    r = d.command("presence", "pause", "--mesh", "nope")
    assert r.returncode == 1 and "mesh" in r.stderr


def test_the_operator(world):
    """By admin.sock everybody's; as root of the mesh, any mesh."""
    s = world.register()
    admin = world.daemon.api(admin=True)
    assert paused(admin, {"mesh": "acme"})["paused"] is True
    assert s.state() == "parked"
    world.daemon.ms("presence", "resume", "--admin")
    s.wait_open()
    paused(s.api)
    world.daemon.ms("session", "resume", s.name, "--admin")
    s.wait_open()


def test_on_the_embedded_broker(make):
    """What comes while it is away waits at the broker; it comes back as the
    presence that it was."""
    d = make.daemon()
    s, other = d.register("alice"), d.register("bob")
    paused(s.api)
    r = other.send(s, "while away", client_message_id="c1")
    assert r.status == 202
    paused(s.api, None, "resume")
    wait_for(lambda: body_list(s) == ["while away"], 30)
    wait_for(lambda: [p["displayName"] for p in
                      other.api.get("/v1/peers").json["peers"]
                      if p["pubkey"] == s.pubkey] == ["alice"], 10)
