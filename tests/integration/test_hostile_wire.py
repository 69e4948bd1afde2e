"""Promise: what is no frame, frames in pieces, floods and closes of a broker
end nothing of ours and slow nobody else down (delivery.md section 1 promises
2, 3 and 5; broker-protocol.md, "Closes and what they mean").
"""

import os
import signal
import time

import pytest

from harness import SLOW, Key, hostile, wait_for
from harness.api import connect_to
from harness.asserts import arrived
from harness.evil import Evil
from harness.world import resume

CROWD = 12
FLOOD = 10_000 if SLOW == 1 else 3_000


@pytest.fixture(scope="module")
def world(make_shared):
    return Evil(make_shared)


@pytest.fixture
def evil(world):
    with world.watched():
        yield world


# --- what is below the frames ---

def test_frames_in_pieces(evil):
    """One byte each, pings and pongs between; and half a character."""
    push = evil.push(evil.victim, "in püeces ✓", Key())
    text = hostile.text_of({**push, "senderName": "ü✓"})
    evil.conn.put_raw(
        hostile.pieces(text, between=hostile.raw_frame(hostile.PING, b"x") +
                       hostile.raw_frame(hostile.PONG, b"y" * 125)))
    item = arrived(evil.victim, "in püeces ✓")
    assert item["sender_name"] == "ü✓" and item["authenticated"]
    # Binary frames are none of this protocol.
    other = evil.push(evil.victim, "in a binary frame")
    evil.conn.put_raw(hostile.raw_frame(
        hostile.BINARY, hostile.text_of(other).encode()))
    evil.fence()
    assert "in a binary frame" not in str(evil.victim.inbox())


BREAKS = {
    "not UTF-8": hostile.raw_frame(hostile.TEXT, b'{"type":"push\xff"}'),
    "half a character": hostile.raw_frame(hostile.TEXT, b'{"x":"\xe2\x9c'),
    "a surrogate": hostile.raw_frame(hostile.TEXT, b'{"x":"\xed\xa0\x80"}'),
    "a continuation of nothing": hostile.raw_frame(0, b"x"),
    "a text within a text": hostile.raw_frame(1, b"{", False) +
    hostile.raw_frame(1, b"}"),
    "a long ping": hostile.raw_frame(hostile.PING, b"x" * 126),
    "a ping in pieces": hostile.raw_frame(hostile.PING, b"x", False),
    "reserved bits": b"\xf1\x01x", "reserved opcode": b"\x83\x01x",
    "masked": b"\x81\x81abcd\x00", "a length of 2^63": b"\x81\x7f" +
    b"\xff" * 8 + b"x" * 100, "not WebSocket": b"HTTP/1.1 200 OK\r\n\r\n",
    "noise": bytes(range(256)) * 40,
}


@pytest.fixture(scope="module")
def crowd(world):
    """Sessions to lose connections with, all at a time."""
    made = [world.daemon.register(f"crowd {i}", mesh="evil", wait_open=False)
            for i in range(CROWD)]
    for s in made:
        s.wait_open()
    return made


def all_again(evil, crowd, whats, do):
    """Each session's connection ends over one of these; all of them that are
    not parked are made again."""
    whats = list(whats)
    while whats:
        pairs = list(zip(crowd, whats))
        whats = whats[len(pairs):]
        conns = [evil.broker.wait_session(s.pubkey) for s, _ in pairs]
        for c, (_, what) in zip(conns, pairs):
            do(c, what)
        for c, (s, what) in zip(conns, pairs):
            yield c, s, what


def test_what_is_no_websocket(evil, crowd):
    """The connection may end over it; then it is made again."""
    def say(conn, what):
        conn.put_raw(BREAKS[what] + hostile.raw_frame(
            hostile.CLOSE, b"\x03\xe8"))
        conn.cut_soon()
    for conn, s, what in all_again(evil, crowd, BREAKS, say):
        evil.broker.wait_session(s.pubkey, after=conn.number)
        s.wait_open()


def close_frame(code, reason):
    data = b"" if code is None else code.to_bytes(2, "big") + reason
    return hostile.raw_frame(hostile.CLOSE, data)


# What parks, with the reason that is told; all others are tried again.
PARKING = {(4001, b"kicked"): "kicked", (4001, b""): "kicked",
           (4001, b"x" * 123): "kicked",
           **{(1008, r): r.decode() for r in (
               b"bad_signature", b"malformed", b"ttl_too_long",
               b"attestation_mismatch", b"bad_session_pubkey",
               b"parent_member_id_mismatch", b"unauthorized")}}
CLOSES = [*PARKING, (None, b""), *[(n, b"") for n in (
    0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009,
    1010, 1011, 1012, 1013, 1014, 1015, 1016, 2999, 3000, 3999, 4000, 4003,
    4999, 5000, 65535)],
    (1000, b"session_replaced"), (1000, b"disconnected"),
    (1000, b"disconnected_stale"), (1001, b"shutting down"),
    (1008, b"expired"), (1000, b"\xff\xfe"), (1008, b"\x00bad_"),
    (1000, b"kicked"), (1000, b"x" * 123), (1008, b"\x1b[31m%s%n")]


def test_closes_with_every_code(evil, crowd):
    """Parked with the reason where that is meant, else back again; what comes
    before the answer to a hello does not matter."""
    wrong = [t for f in hostile.frames(evil.member.mesh_id)
             if f["type"] in ("hello_ack", "error", "ack", "peers_list")
             for t in hostile.wrong(f, hostile.VALUES[:12])]
    turn = [0]

    def hello(conn):
        turn[0] += 1
        some = wrong[turn[0] * 40 % len(wrong):][:40]
        return [*some, evil.broker.hello_ack(conn)]
    evil.broker.hello = hello
    try:
        for conn, s, what in all_again(
                evil, crowd, CLOSES,
                lambda c, what: c.put_raw(close_frame(*what))):
            if what in PARKING:
                s.wait_state("parked")
                assert s.me()["reason"] == PARKING[what], what
                assert resume(s) in ("connecting", "open")
            evil.broker.wait_session(s.pubkey, after=conn.number)
            s.wait_open()
    finally:
        evil.broker.hello = "ack"


# --- floods ---

def flood(frames):
    return b"".join(hostile.raw_frame(hostile.TEXT, hostile.text_of(f).encode(
        )) for f in frames)


def count(evil, sender):
    return evil.daemon.query("SELECT count(*) AS n FROM inbox WHERE sender"
                             " = ?", sender)[0]["n"]


def test_ten_thousand_pushes_a_second(evil):
    """All are stored and told, once each, in their order."""
    sender = Key().pub
    pushes = [evil.broker.multicast(evil.member.mesh_id, sender, f"flood {i}")
              for i in range(FLOOD)]
    copies = [pushes[i % 10] for i in range(FLOOD)]
    with evil.victim.events() as events:
        evil.conn.put_raw(flood(pushes + copies))
        evil.meanwhile(lambda: len(events.messages()) >= FLOOD)
        evil.fence()
        told = [e.data["body"] for e in events.messages()]
    assert [b for b in told if b.startswith("flood")] == [
        f"flood {i}" for i in range(FLOOD)]
    assert count(evil, sender) == FLOOD
    evil.victim.api.delete("/v1/inbox")


def test_a_flood_of_who_came(evil):
    """Each is told, or that some are not; also to who does not read."""
    deaf = connect_to(evil.daemon.socket, 30)
    deaf.sendall(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n"
                 f"Authorization: ClaudeMesh-Session {evil.other.token}"
                 f"\r\n\r\n".encode())
    with evil.victim.events() as events, evil.alice.events() as others:
        frames = [evil.broker.system(
            evil.member.mesh_id, "peer_joined", name=f"p{i}",
            pubkey=hostile.KEY, groups=[{"name": "g" * 60}] * 4)
            for i in range(FLOOD)]
        for c in evil.conns:            # of no interest on a session's
            c.put_raw(flood(frames))

        def told():
            return len(events.of("peer_join")) + sum(
                e.data["dropped"] for e in events.of("gap"))
        evil.meanwhile(lambda: told() >= FLOOD)
        names = [e.data["name"] for e in events.of("peer_join")]
        assert len(set(names)) == len(names)
        assert told() == FLOOD
        assert not others.of("peer_join")
    deaf.close()


def test_a_flood_of_who_came_while_the_gate_stands_still(evil):
    """More than a channel holds: what is lost is told to be."""
    count = 40_000
    frame = evil.broker.system(evil.member.mesh_id, "peer_joined", name="x",
                               pubkey=hostile.KEY,
                               groups=[{"name": "g" * 60}] * 4)
    push = evil.push(evil.member.key.pub, "the last")

    def stored():
        return evil.daemon.query("SELECT count(*) AS n FROM inbox WHERE"
                                 " sender = ?", push["senderPubkey"])[0]["n"]
    with evil.victim.events() as events:
        gate = evil.daemon.kill("gate", sig=signal.SIGSTOP)
        try:
            evil.broker.wait_member().put_raw(flood([frame]) * count +
                                              flood([push]))
            wait_for(stored, 30)        # behind all of them
        finally:
            os.kill(gate, signal.SIGCONT)

        def told():
            return len(events.of("peer_join")) + sum(
                e.data["dropped"] for e in events.of("gap"))
        wait_for(lambda: told() >= count, 30)
        assert told() == count


def test_a_broker_that_does_not_read(evil):
    """What we have to say stays where it is, and is sent when it reads."""
    evil.broker.acks = "auto"
    conn = evil.conn
    conn.stop_reading()
    text = "x" * 40_000
    before = len(evil.broker.sends)
    try:
        for i in range(200):
            assert evil.victim.send(Key().pub, f"{i} {text}").status == 202
        done = time.monotonic() + 1
        evil.meanwhile(lambda: time.monotonic() > done)
        assert evil.other.api.get("/v1/peers").status == 200
    finally:
        conn.start_reading()
    evil.broker.wait(lambda: len({f["id"] for f in
                                  evil.broker.sends[before:]}) >= 200, 60)
    wait_for(lambda: {r["status"] for r in evil.victim.outbox()} <= {"done"},
             60)
