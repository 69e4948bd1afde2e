"""Promise: what a broker does not want stays away until a person resumes it,
through every death and restart, says why everywhere, and loses no row
(broker-protocol.md, "Closes and what they mean"; design.md, "Sessions";
delivery.md section 4, "Permanent").
"""

import os
import signal

import pytest

from harness import SLOW, Key, wait_for
from harness.world import World, resume, row_of

# What will not get better by itself.
REFUSALS = ("bad_signature", "malformed", "ttl_too_long",
            "attestation_mismatch", "bad_session_pubkey", "bad_parent_pubkey",
            "parent_member_id_mismatch", "unauthorized")


def parked_health(world):
    return world.daemon.api().get("/v1/health").json["parked"]


def mesh_state(world):
    """The mesh in status, and its broker in health."""
    mesh, = world.daemon.status()["meshes"]
    health = world.daemon.api().get("/v1/health").json["brokers"]["acme"]
    return mesh["state"], mesh.get("reason"), health


def wait_mesh_parked(world, why):
    wait_for(lambda: mesh_state(world) == ("parked", why, "parked"), 15)
    assert {"mesh": "acme", "reason": why} in parked_health(world)


def wait_parked(session, why):
    """Parked, and all say so: the session, its list, health, status."""
    session.wait_state("parked")
    assert session.me()["reason"] == why
    listed = session.daemon.api().get("/v1/sessions").json["sessions"]
    assert [(x["state"], x["reason"]) for x in listed
            if x["sessionId"] == session.session_id] == [("parked", why)]
    health = session.daemon.api().get("/v1/health").json
    assert health["sessions"]["parked"] >= 1
    entry = {"mesh": session.mesh, "session": session.session_id,
             "name": session.name, "reason": why}
    assert entry in health["parked"]
    status = session.daemon.status()
    assert status["sessions"]["parked"] >= 1
    assert entry in status["parked"]


def resume_mesh(world, mesh="acme"):
    r = world.daemon.api().post("/v1/presence/resume", {"mesh": mesh})
    assert r.status == 200 and r.json["ok"] is True, r
    assert r.json["paused"] is False
    return r.json


# --- the table, for sessions ---

def test_a_session_that_is_refused_later(world):
    """A live connection: every word parks the session, and only it."""
    ends = [(1008, r, r) for r in REFUSALS] + [
        (4001, "kicked", "kicked"), (4001, "kicked_stale", "kicked")]
    other = world.register("other")
    for code, reason, why in ends:
        s = world.register(why)
        s.send(Key().pub, "waits", client_message_id="c0")
        s.conn().close(code, reason)
        wait_parked(s, why)
        assert s.send(Key().pub, "waits", client_message_id="c1").status == 202
        assert row_of(s, "c1")["status"] == "pending"
    assert other.state() == "open"
    assert mesh_state(world)[0] == "open"
    assert len(parked_health(world)) == len(ends)


@pytest.mark.parametrize("close", [
    lambda conn, why: conn.close(1008, why),
    lambda conn, why: conn.close(1008, ""),     # the error frame is enough
    lambda conn, why: conn.cut(),
])
def test_a_session_that_is_refused_at_its_hello(world, close):
    refused = {}
    world.broker.hello = lambda conn: (
        [{"type": "error", "code": refused[conn.hello["displayName"]],
          "message": "no"}]
        if conn.hello.get("displayName") in refused
        else [world.broker.hello_ack(conn)])
    for why in REFUSALS:
        refused[why] = why
        s = world.register(why, wait_open=False)
        close(s.conn(), why)
        wait_parked(s, why)
        # Once: it is not tried again by itself.
        assert len([c for c in world.broker.conns if c.hello and
                    c.pub == s.pubkey]) == 1
    refused.clear()
    assert resume(s) in ("starting", "connecting")
    s.wait_open()


def test_what_is_no_refusal_connects_again(world):
    """Replaced, nudged, stopped, lost: session and member come back."""
    s = world.register()
    session, member = s.conn(), world.broker.wait_member()
    for code, reason in ((1000, "session_replaced"), (1000, "disconnected"),
                         (1000, "disconnected_stale"),
                         (1001, "shutting down"), (1011, "broken"),
                         (1008, "something new"), (None, "")):
        for conn in session, member:
            if code is None:
                conn.cut()
            else:
                conn.close(code, reason)
        session = s.conn(after=session.number)
        member = world.broker.wait_member(after=member.number)
        assert session.hello["sessionId"] == s.session_id
    s.wait_open()
    wait_for(lambda: mesh_state(world)[0] == "open", 10)


def test_an_expired_attestation_at_the_hello(make):
    w = World(make, start=False)
    old = []

    def answer(conn):
        if conn.kind == "session" and not old:
            old.append(conn)
            return [{"type": "error", "code": "expired", "message": "old"}]
        return [w.broker.hello_ack(conn)]
    w.broker.hello = answer
    w.broker.start()
    s = w.register(wait_open=False)
    w.broker.wait(lambda: old, 15)
    old[0].close(1008, "expired")
    s.wait_open()
    assert s.conn().hello["parentAttestation"] != \
        old[0].hello["parentAttestation"]


@pytest.mark.parametrize("why", ["capacity", "timestamp_skew"])
def test_what_may_pass_is_said_and_tried_rarely(world, why):
    s = world.register()
    conn, member = s.conn(), world.broker.wait_member()
    with s.events() as events:
        for c in conn, member:
            c.put({"type": "error", "code": why, "message": why})
            c.close(1008, why)
        wait_for(lambda: s.me().get("reason") == why, 10)
        assert s.state() == "connecting"
        wait_for(lambda: mesh_state(world) ==
                 ("reconnecting", why, "reconnecting"), 10)
        events.wait("broker_status", lambda e: e.data["mesh"] == "acme" and
                    e.data.get("reason") == why)
    line = world.daemon.wait_log(f"refused: {why}")
    assert line["level"] == "warn"
    # 60 s, 20 % less at most, whatever the machine does meanwhile.
    again = [c for c in world.broker.conns if c.number > member.number and
             c.number > conn.number]
    assert all(c.opened - conn.closed_at > 45 for c in again)
    assert parked_health(world) == []


# --- the table, for members ---

def test_a_member_that_is_refused(world):
    """Its sessions go on; the mesh is resumed."""
    s = world.register()
    member = world.broker.wait_member()
    for code, reason, why in [(1008, r, r) for r in REFUSALS] + [
            (4001, "kicked", "kicked")]:
        member.close(code, reason)
        wait_mesh_parked(world, why)
        assert s.state() == "open"
        assert resume_mesh(world)["meshes"][0]["slug"] == "acme"
        member = world.broker.wait_member(after=member.number)
        wait_for(lambda: mesh_state(world)[0] == "open", 10)
    assert parked_health(world) == []


def test_a_member_whose_id_is_in_use(world):
    member = world.broker.wait_member()
    for _ in range(3):
        wait_for(lambda: mesh_state(world)[0] == "open", 10)
        number = member.number
        member.close(1000, "session_replaced")
        if _ < 2:
            member = world.broker.wait_member(after=number)
    wait_mesh_parked(world, "session_id_in_use")


def test_the_members_hello_has_five_seconds_too(make):
    w = World(make, start=False)
    w.broker.hello = lambda conn: [] if conn.kind == "member" else \
        [w.broker.hello_ack(conn)]
    w.broker.start()
    conn = w.broker.wait_member()
    w.broker.wait(lambda: conn.closed, 25, "the member waits for ever")
    assert 4.5 < conn.closed_at - conn.opened < 15 * SLOW
    w.broker.hello = "ack"
    wait_for(lambda: mesh_state(w)[0] == "open", 20)


# --- banned ---

def test_a_ban_that_one_session_hears_parks_the_mesh(world):
    """4002 on one connection: the member and all sessions, and only this
    mesh, until it is resumed."""
    s, other = world.register(), world.register("other")
    world.broker.wait_member()
    with other.events() as events:
        s.conn().close(4002, "banned")
        for x in s, other:
            wait_parked(x, "banned")
        wait_mesh_parked(world, "banned")
        events.wait("broker_status", lambda e: "session" not in e.data and
                    e.data["status"] == "parked" and
                    e.data["reason"] == "banned")
        events.wait("broker_status", lambda e: e.data.get("session") ==
                    other.session_id and e.data["status"] == "parked")
    world.broker.wait(lambda: not world.broker.live(), 10, "connections")
    late = world.register("late", wait_open=False)      # gets its key all
    assert late.pubkey                                  # the same
    wait_parked(late, "banned")
    # A session alone cannot leave the mesh's park.
    r = s.api.post("/v1/presence/resume")
    assert r.status == 200 and r.json["paused"] is True, r
    assert (r.json["state"], r.json["reason"]) == ("parked", "banned")
    conns = len(world.broker.conns)
    world.daemon.stop()
    world.daemon.start()
    for x in s, other, late:
        wait_parked(x, "banned")
    wait_mesh_parked(world, "banned")
    assert len(world.broker.conns) == conns
    other.send(Key().pub, "after all", client_message_id="c1")
    with other.events() as events:
        resume_mesh(world)
        for x in s, other, late:
            x.wait_open()
        events.wait("broker_status", lambda e: e.data.get("session") ==
                    other.session_id and e.data["status"] == "open")
    wait_for(lambda: row_of(other, "c1")["status"] == "done", 10)
    world.broker.wait_member()


def test_a_ban_at_the_hello(make):
    w = World(make, start=False)
    w.broker.hello = lambda conn: [{"type": "error", "code": "revoked",
                                    "message": "you are out"}]
    w.broker.start()
    member = w.broker.wait_member()
    member.close(4002, "")
    wait_mesh_parked(w, "banned")
    s = w.register(wait_open=False)
    wait_parked(s, "banned")
    assert not [c for c in w.broker.conns if c.kind == "session"]


def test_another_mesh_goes_on(make):
    w = World(make)
    v = World(make)             # of another daemon: its broker and member
    v.daemon.stop()
    mesh = v.member.mesh_file(v.broker.url)
    w.daemon.stop()
    w.daemon.add_mesh({**mesh, "slug": "beta"})
    w.daemon.start()
    here = w.register()
    there = w.daemon.register("there", mesh="beta")
    here.conn().close(4002, "banned")
    wait_parked(here, "banned")
    assert there.state() == "open"
    wait_for(lambda: w.daemon.api().get("/v1/health").json["brokers"] == {
        "acme": "parked", "beta": "open"}, 15)
    assert parked_health(w) and all(
        p["mesh"] == "acme" for p in parked_health(w))


# --- it is the supervisor's ---

@pytest.mark.parametrize("what", ["worker", "member", "gate", "store",
                                  "supervisor"])
def test_parked_is_parked_whatever_dies(world, what):
    s = world.register()
    s.conn().close(4001, "kicked")
    wait_parked(s, "kicked")
    world.broker.wait_member().close(1008, "unauthorized")
    wait_mesh_parked(world, "unauthorized")
    assert s.send(Key().pub, "waits", client_message_id="c1").status == 202
    conns = len(world.broker.conns)
    if what == "supervisor":
        world.daemon.kill(what)
        world.daemon.wait_gone(10)
        world.daemon.start()
    else:
        session = s if what == "worker" else None
        pid = world.daemon.kill(what, session)
        world.daemon.wait_restarted(what, pid, session)
    # A worker that is running has read that it keeps away.
    wait_for(lambda: [p["state"] for p in world.daemon.processes()
                      if p["role"] in ("member", "worker")] ==
             ["running"] * 2, 10)
    wait_parked(s, "kicked")
    wait_mesh_parked(world, "unauthorized")
    assert len(world.broker.conns) == conns
    resume_mesh(world)
    wait_for(lambda: mesh_state(world)[0] == "open", 10)
    assert s.state() == "parked"        # its own stays
    resume(s)
    s.wait_open()
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
    assert parked_health(world) == []


def test_a_crash_loop_parks(world):
    """Ten deaths within a minute: no more of it, until it is resumed; the
    reason says of what it died."""
    s = world.register()
    s.send(Key().pub, "early", client_message_id="c0")

    def steady(seconds):
        """Its worker, when it is up for so long; or it is parked."""
        p, = [p for p in world.daemon.api().get("/v1/status").json[
            "processes"] if p.get("session") == s.session_id]
        return s.state() == "parked" or (
            p["state"] == "running" and p["uptime_s"] >= seconds and p)
    kills = 0
    while s.state() != "parked":
        # Every other one later, so that the back-off stays short.
        p = wait_for(lambda: steady(4 * (kills % 2)), 60, "a worker", 0.05)
        if p is not True:
            os.kill(p["pid"], signal.SIGKILL)
            kills += 1
            wait_for(lambda: s.state() == "parked" or steady(0) is not True
                     and not os.path.exists(f"/proc/{p['pid']}"), 20)
        assert kills <= 25
    assert kills >= 10
    why = s.me()["reason"]
    assert why.startswith("crash_loop: signal 9"), why
    wait_parked(s, why)
    assert s.send(Key().pub, "waits", client_message_id="c1").status == 202
    assert not world.daemon.processes("worker", s)[0]["pid"]
    s.register()                        # is answered, and changes nothing
    assert s.state() == "parked"
    world.daemon.stop()
    world.daemon.start()
    wait_parked(s, why)
    assert not world.daemon.processes("worker", s)[0]["pid"]
    resume(s)
    s.wait_open()
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
