"""Promise: meshes are kept apart: a request names its mesh or there is only
one, a session stays on its own, and a mesh whose broker is away delays no
other (local-api.md, "Endpoints"; delivery.md section 1 promises 5 and 7;
fault 4 of section 9).
"""

import pytest

from harness import Key, Member, wait_for
from harness.asserts import arrived, is_error, registration
from harness.keys import minted_id


class Two:
    """A daemon on two meshes with a scripted broker each."""

    def __init__(self, make):
        self.acme = Member("mesh-a", "member-a", slug="acme")
        self.beta = Member("mesh-b", "member-b", slug="beta")
        self.a = make.scripted([self.acme])
        self.b = make.scripted([self.beta])
        self.a.route = self.b.route = True
        self.daemon = make.daemon(meshes=[self.acme.mesh_file(self.a.url),
                                          self.beta.mesh_file(self.b.url)])


@pytest.fixture
def two(make):
    return Two(make)


def test_several_and_none_named(two):
    api = two.daemon.api()
    r = api.send(Key().pub, "where to")
    assert is_error(r, 400) == "mesh_required"
    assert sorted(r.json["attached"]) == ["acme", "beta"]
    r = api.post("/v1/sessions/register", registration(mesh=None))
    assert is_error(r, 400) == "mesh_required"
    assert sorted(r.json["attached"]) == ["acme", "beta"]
    assert api.send(Key().pub, "this way", mesh="beta").status == 202
    two.b.wait(lambda: len(two.b.sends) == 1)
    assert not two.a.sends


def test_health_and_status_name_both(two):
    wait_for(lambda: two.daemon.api().get("/v1/health").json["brokers"] ==
             {"acme": "open", "beta": "open"}, 10)
    s = two.daemon.status()
    assert sorted(m["slug"] for m in s["meshes"]) == ["acme", "beta"]
    assert "broker" not in [p["role"] for p in s["processes"]]


def test_a_session_stays_on_its_mesh(two):
    s = two.daemon.register("s", mesh="acme")
    r = s.send(Key().pub, "over there", mesh="beta")
    assert is_error(r, 403) == "not_your_mesh"
    assert {p["mesh"] for p in s.api.get("/v1/peers").json["peers"]} == {
        "acme"}
    is_error(s.api.get("/v1/inbox?mesh=beta"), 403)


def test_one_session_id_on_two_meshes_is_two_sessions(two):
    sid = minted_id()
    x = two.daemon.register("x", mesh="acme", session_id=sid)
    y = two.daemon.register("y", mesh="beta", session_id=sid)
    assert x.pubkey != y.pubkey
    assert two.a.wait_session(x.pubkey).hello["sessionId"] == sid
    assert two.b.wait_session(y.pubkey).hello["sessionId"] == sid
    two.a.wait_session(x.pubkey).put(two.a.direct(
        "mesh-a", Key(), x.pubkey, "for x alone"))
    arrived(x, "for x alone")
    assert y.inbox() == []


def test_the_member_scope_takes_in_both(two):
    api = two.daemon.api()
    for broker, m in (two.a, two.acme), (two.b, two.beta):
        broker.wait_member().put(broker.direct(
            m.mesh_id, Key(), m.key.pub, f"for {m.slug}"))
    wait_for(lambda: len(api.inbox()) == 2, 10)
    assert {(i["mesh"], i["body"]) for i in api.inbox()} == {
        ("acme", "for acme"), ("beta", "for beta")}
    assert [i["mesh"] for i in api.inbox(
        "mark_seen=false&mesh=beta")] == ["beta"]
    is_error(api.get("/v1/inbox?mesh=zzz"), 404)
    peers = api.get("/v1/peers?mesh=beta").json["peers"]
    assert peers and {p["mesh"] for p in peers} == {"beta"}


def test_a_mesh_that_is_away_delays_no_other(two):
    s = two.daemon.register("s", mesh="acme")
    t = two.daemon.register("t", mesh="acme")
    u = two.daemon.register("u", mesh="beta")
    two.b.silent()
    for i in range(50):
        u.send(Key().pub, f"into the silence {i}")
    for i in range(50):
        s.send(t, f"undisturbed {i}")
    wait_for(lambda: len(t.inbox()) == 50, 5)
    assert [i["body"] for i in reversed(t.inbox())] == [
        f"undisturbed {i}" for i in range(50)]
    assert {r["status"] for r in u.outbox()} <= {"pending", "inflight"}


def test_events_of_the_mesh_only(two):
    s = two.daemon.register("s", mesh="acme")
    with s.events() as events:
        two.b.wait_member().put(two.b.system(
            "mesh-b", "peer_joined", name="b", pubkey=Key().pub, groups=[]))
        two.a.wait_member().put(two.a.system(
            "mesh-a", "peer_joined", name="a", pubkey=Key().pub, groups=[]))
        events.wait("peer_join", lambda e: e.data["name"] == "a")
        # What came to beta's worker first may still be on its way; a second
        # one behind it has passed when it is seen by who may see it.
        u = two.daemon.register("u", mesh="beta")
        with u.events() as others:
            two.b.wait_member().put(two.b.system(
                "mesh-b", "peer_joined", name="c", pubkey=Key().pub,
                groups=[]))
            others.wait("peer_join", lambda e: e.data["name"] == "c")
        assert {e.data["mesh"] for e in events.of("peer_join")} == {"acme"}


def test_the_operator_sees_all(two):
    """admin.sock, and only there."""
    s = two.daemon.register("s", mesh="acme")
    two.a.wait_session(s.pubkey).put(two.a.direct(
        "mesh-a", Key(), s.pubkey, "for s alone"))
    arrived(s, "for s alone")
    assert two.daemon.api().inbox() == []
    admin = two.daemon.api(admin=True)
    assert [i["body"] for i in admin.inbox()] == ["for s alone"]
    assert s.session_id in [
        x["sessionId"] for x in admin.get("/v1/sessions").json["sessions"]]
    # Looking marks nothing for the session itself.
    assert s.inbox()[0]["seen_at"] is None
