"""Promise: after every fault of a broker the workers come back as the protocol
says, or park with the reason, and no row is lost meanwhile
(broker-protocol.md, "Closes and what they mean"; delivery.md section 8;
local-api.md, "Limits"; faults 12 and 16 of delivery.md section 9).
"""

import re
import time

import pytest

from harness import SLOW, Key, parse_responses, wait_for
from harness.api import connect_to
from harness.world import World, row_of


def test_broker_away_at_the_start(make):
    """Fault 16: it comes later, and the rows leave."""
    w = World(make, start=False)
    s = w.register(wait_open=False)
    bob = Key()
    assert s.send(bob.pub, "early bird").status == 202
    health = w.daemon.api().get("/v1/health").json
    assert health["ok"] is True
    assert health["brokers"]["acme"] in ("connecting", "reconnecting")
    assert s.state() != "open"
    w.broker.start()
    conn = w.broker.wait_session(s.pubkey, deadline=25)
    f = w.broker.wait_sends(conn, 1)[0]
    assert bob.open(s.pubkey, f["nonce"], f["ciphertext"]) == "early bird"
    wait_for(lambda: w.daemon.api().get("/v1/health").json["brokers"] ==
             {"acme": "open"}, 35)


def test_broker_away_and_back(world):
    s, bob = world.register(), Key()
    old = s.conn()
    world.broker.stop()
    assert s.send(bob.pub, "while away").status == 202
    wait_for(lambda: s.state() == "connecting", 10)
    world.broker.start()
    conn = world.broker.wait_session(s.pubkey, after=old.number, deadline=25)
    f = world.broker.wait_sends(conn, 1)[0]
    assert bob.open(s.pubkey, f["nonce"], f["ciphertext"]) == "while away"


def test_back_off(make):
    """1, 2, 4 ... s with jitter; reset by a hello_ack."""
    w = World(make, start=False)
    w.broker.hello = lambda conn: (1011, "not now")
    w.broker.start()
    s = w.register(wait_open=False)

    def attempts():
        return [c.opened for c in w.broker.conns
                if c.kind == "session"]
    w.broker.wait(lambda: len(attempts()) >= 3, 20, "attempts")
    t = attempts()
    gaps = [b - a for a, b in zip(t, t[1:])]
    for gap, wish in zip(gaps, (1, 2)):
        assert 0.4 * wish < gap < 1.6 * wish + 0.5 * SLOW, gaps
    w.broker.hello = "ack"
    s.wait_open(30)
    conn = s.conn()
    begin = time.monotonic()
    conn.cut()
    s.conn(after=conn.number)
    assert time.monotonic() - begin < 2.5 * SLOW


def test_a_silent_broker(make):
    """TCP is taken, nothing is ever said; then it recovers."""
    w = World(make, start=False)
    w.broker.silent()
    s = w.register(wait_open=False)
    w.broker.wait(lambda: w.broker.attempts >= 2, 10, "attempts")
    assert s.send(Key().pub, "patiently").status == 202
    assert s.state() != "open"
    w.broker.speak()
    s.wait_open(40)


@pytest.mark.parametrize("code,reason,state,why", [
    (4001, "kicked", "parked", "kicked"),
    (1008, "bad_signature", "parked", "bad_signature"),
    (1008, "unauthorized", "parked", "unauthorized"),
    (1008, "parent_member_id_mismatch", "parked",
     "parent_member_id_mismatch"),
])
def test_closes_that_park_the_session(world, code, reason, state, why):
    """Fault 12; the rows wait (a kick ends no row)."""
    s, bob = world.register(), Key()
    conn = s.conn()
    if code == 1008:
        conn.put({"type": "error", "code": reason, "message": reason})
    conn.close(code, reason)
    s.wait_state(state)
    assert why in s.me()["reason"]
    assert s.send(bob.pub, "waits", client_message_id="c1").status == 202
    other = world.register("other")     # the mesh itself goes on
    assert other.state() == "open"
    assert s.state() == state
    assert row_of(s, "c1")["status"] == "pending"
    assert not [c for c in world.broker.live() if c.pub == s.pubkey]


def test_banned_parks_the_mesh(world):
    """As a broker does it: every connection of the member is closed."""
    s, other = world.register(), world.register("other")
    world.broker.wait_member()
    for conn in world.broker.live():
        conn.close(4002, "banned")
    for x in s, other:
        x.wait_state("parked")
        assert x.me()["reason"] == "banned"
    wait_for(lambda: world.daemon.api().get("/v1/health").json["brokers"][
        "acme"] == "parked", 10)


def test_expired_renews_the_attestation_at_once(world):
    s = world.register()
    first = s.conn()
    first.put({"type": "error", "code": "expired", "message": "expired"})
    begin = time.monotonic()
    first.close(1008, "expired")
    second = s.conn(after=first.number)
    assert time.monotonic() - begin < 3 * SLOW
    assert second.hello["parentAttestation"] != \
        first.hello["parentAttestation"]


def test_session_replaced_three_times_parks(world):
    s = world.register()
    number = 0
    for _ in range(3):
        conn = s.conn(after=number)
        s.wait_open()
        number = conn.number
        conn.close(1000, "session_replaced")
    s.wait_state("parked")
    assert s.me()["reason"] == "session_id_in_use"


# --- limits that need a broker that does not answer ---

def test_a_broker_that_does_not_answer_is_504(world):
    s = world.register()
    s.conn()
    world.broker.list_peers = False
    took = []
    for _ in range(3):      # the best counts: clients give up at 3 s
        begin = time.monotonic()
        r = s.api.get("/v1/peers")
        took.append(time.monotonic() - begin)
        assert r.status == 504, r
        assert "broker" in r.raw.decode()
        if took[-1] < 3 * SLOW:
            return
    raise AssertionError(took)


def test_requests_in_flight_are_limited(world):
    """16 of one session; those past that are 429, and others go on."""
    s = world.register()
    s.conn()
    world.broker.list_peers = False
    ask = (f"GET /v1/peers HTTP/1.1\r\nHost: localhost\r\n"
           f"Authorization: ClaudeMesh-Session {s.token}\r\n\r\n").encode()
    socks = [connect_to(world.daemon.socket, 10 * SLOW) for _ in range(20)]
    for k in socks:
        k.sendall(ask)
    assert world.daemon.api().get("/v1/version").status == 200
    answers = []
    for k in socks:
        got = b""
        while not parse_responses(got):
            piece = k.recv(65536)
            assert piece, got
            got += piece
        answers.append(parse_responses(got)[0].status)
        k.close()
    assert answers.count(429) == 4 and answers.count(504) == 16, answers


def test_a_request_without_a_connection(world):
    s = world.register()
    conn = s.conn()
    world.broker.stop()
    world.broker.wait(lambda: conn.closed)
    r = s.api.get("/v1/peers")
    assert r.status in (503, 504), r
    assert re.search("broker|connect", r.raw.decode())
