"""Promise: no client can bring the embedded broker down, fill it, or keep it
from serving the others: whatever it sends, in whatever pieces and however
fast, the others are answered meanwhile, memory stays bounded, and the log has
few lines of it.
"""

import json
import os
import random
import socket
import threading
import time

import pytest

from harness import SLOW, Peer, wait_for

# What a broker with few peers may take; sanitizers take several times that.
RSS_MAX = 400 << 20 if SLOW == 1 else 2000 << 20

QUOTES = ['"', "'", '\\', "'; DROP TABLE member; --", '","x":"y', "\u2028",
          '${x}%s%n', "<script>", "\x01\x1f", "ünï✓🎉", "a\tb\nc", "*", "@all",
          "#x", "../../etc/passwd", "null"]


@pytest.fixture
def broker(make):
    b = make.broker("--hello-time", str(int(2 * SLOW)))
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    b.eve_member = b.add_member("local", "eve")
    return b.start()


@pytest.fixture
def honest(broker):
    """Two who go on talking; call it for one round trip."""
    alice = broker.peer(broker.alice_member, name="alice")
    bob = broker.peer(broker.bob_member, name="bob", auto_ack=True)

    def round_trip():
        text = os.urandom(8).hex()
        began = time.monotonic()
        assert alice.send(bob.pub, text, first=True)["queued"] is True
        assert bob.receive(senderPubkey=alice.pub)["text"] == text
        return time.monotonic() - began
    round_trip()
    yield round_trip
    round_trip()
    assert rss(broker) < RSS_MAX


def rss(broker):
    with open(f"/proc/{broker.running.pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) << 10
    raise AssertionError("the broker is gone")


def log_lines(broker):
    return len(broker.running.err.splitlines())


def answered(peer):
    """It is served too, and what it gets is JSON."""
    return {p["displayName"] for p in peer.barrier()}


# --- names ---

@pytest.mark.parametrize("name", QUOTES)
def test_names(broker, honest, name):
    """Whatever a name is, it comes back as it was."""
    eve = broker.peer(broker.eve_member, name=name)
    other = broker.peer(broker.bob_member, name="other")
    assert name in answered(other)
    eve.put({"type": "set_state", "key": name, "value": {name: name}})
    assert other.expect("state_change") == {
        "type": "state_change", "key": name, "value": {name: name},
        "updatedBy": name}
    entry, = other.ask("list_state")["entries"]
    assert (entry["key"], entry["updatedBy"]) == (name, name)
    eve.ask("remember", content=name + " word", tags=[name])
    memory, = other.ask("recall", query=name + " word")["memories"]
    assert (memory["content"], memory["tags"]) == (name + " word", [name])
    eve.ask("share_skill", name=name, description=name, instructions=name,
            tags=[name], manifest={name: [name]})
    skill = other.ask("get_skill", name=name)["skill"]
    assert (skill["name"], skill["manifest"]) == (name, {name: [name]})
    assert len(other.ask("list_skills", query=name)["skills"]) == 1
    assert name in other.ask("mesh_info")["stateKeys"]
    other.ask("topic_create", name=name, description=name)
    assert other.ask("kick", target=name)["type"] in ("error", "kick_ack")
    assert eve.ask("schedule", to=other.pub, message=name,
                   deliverAt=0)["type"] == "scheduled_ack"
    assert other.receive()["text"] == name
    honest()


# --- wrong fields ---

TYPES = ["send", "client_ack", "list_peers", "message_status", "set_status",
         "set_summary", "set_stats", "set_visible", "set_profile",
         "join_group", "leave_group", "get_state", "list_state", "set_state",
         "remember", "recall", "forget", "topic_create", "topic_list",
         "topic_join", "topic_leave", "topic_mark_read", "topic_members",
         "topic_history", "list_skills", "get_skill", "share_skill",
         "remove_skill", "schedule", "list_scheduled", "cancel_scheduled",
         "mesh_info", "kick", "disconnect", "ban", "unban", "list_bans",
         "hello", "session_hello", "push", "ack"]
FIELDS = ["id", "client_message_id", "request_fingerprint", "targetSpec",
          "priority", "nonce", "ciphertext", "replyToId", "mentions", "first",
          "bodyVersion", "brokerMessageId", "clientMessageId", "messageId",
          "status", "summary", "stats", "visible", "avatar", "title", "bio",
          "capabilities", "name", "role", "key", "value", "content", "tags",
          "query", "memoryId", "description", "visibility", "topic", "limit",
          "beforeId", "instructions", "manifest", "to", "message",
          "deliverAt", "subtype", "cron", "scheduledId", "target", "stale",
          "all", "groups", "meshId", "_reqId"]
VALUES = [None, True, False, 0, -1, 1, 7.5, 1e308, 2**63 - 1, -2**63, "", "x",
          "0" * 64, "*", "@dev", "#x", "f" * 32, "now", "next", "idle", "dnd",
          "2026-01-01T00:00:00Z", "* * * * *", [], {}, [[]], [{}] * 50,
          ["x"] * 2000, {"a": {"b": {"c": [1, [2, [3]]]}}}, "y" * 5000,
          *QUOTES]


def test_wrong_fields(broker, honest):
    """Every request with every kind of value in any field."""
    rnd = random.Random(7)
    eve = broker.peer(broker.eve_member, name="eve")
    for i in range(2500):
        frame = {"type": rnd.choice(TYPES)}
        for field in rnd.sample(FIELDS, rnd.randrange(0, 12)):
            frame[field] = rnd.choice(VALUES)
        eve.put(frame)
        if i % 250 == 0:
            honest()
        if eve.closed:
            eve.connect()
    answered(eve)
    # A session's hello goes on being checked on a fresh connection.
    for _ in range(200):
        stranger = Peer(broker.url, broker.eve_member)
        stranger.open()
        stranger.put(stranger.hello(**{
            rnd.choice(["meshId", "parentMemberId", "parentAttestation",
                        "sessionId", "groups", "timestamp", "signature",
                        "displayName", "pid", "cwd"]): rnd.choice(VALUES)}))
        stranger.close()
    honest()


def test_deep_nesting(broker, honest):
    eve = broker.peer(broker.eve_member)
    for depth in 12, 15, 16, 17, 100, 2000, 20000:
        for left, right in ("[", "]"), ('{"a":', "}"):
            text = left * depth + "1" + right * depth
            if len(text) > 65000:
                continue
            eve.put('{"type":"set_state","key":"k%d","value":%s}' % (
                depth, text))
    keys = {e["key"] for e in eve.ask("list_state")["entries"]}
    assert keys == {"k12", "k15"}
    eve.put("[" * 60000, "{" * 60000, '{"a":' * 12000, '"' + "\\" * 60000)
    answered(eve)
    honest()


def test_huge_lists(broker, honest):
    eve = broker.peer(broker.eve_member)
    many = [f"n{i}" for i in range(5000)]
    assert eve.ask("remember", content="x", tags=many)["type"] == "error"
    assert eve.ask("share_skill", name="x", description="", instructions="",
                   tags=many)["type"] == "error"
    for frame in ({"type": "set_stats", "stats": {n: 1 for n in many}},
                  {"type": "set_profile", "capabilities": many},
                  {"type": "set_state", "key": "k",
                   "value": [0] * 20000},
                  {**eve.message("*", "x"), "mentions": many}):
        eve.put(frame)
    for groups in ([{"name": f"g{i}"} for i in range(1000)],
                   [{"name": "g" * 1000}], [{"name": "a b"}], {"name": "g"}):
        other = Peer(broker.url, broker.eve_member, groups=groups)
        other.open()
        other.put(other.hello())
        assert other.expect("error")["code"] == "malformed"
        assert other.wait_closed()[0] == 1008
    for i in range(300):
        eve.put({"type": "join_group", "name": f"g{i}"})
    row, = [p for p in eve.barrier() if p["pubkey"] == eve.pub]
    assert len(row["groups"]) <= 64
    honest()


# --- pieces, and what is no text ---

def test_frames_in_pieces(broker, honest):
    """A frame may come byte by byte; one without an end does not stay."""
    eve = broker.peer(broker.eve_member)
    text = json.dumps({"type": "get_state", "key": "ü✓", "_reqId": "p"},
                      ensure_ascii=False)
    eve.put_pieces(list(text))
    assert eve.expect("state_result", _reqId="p")["key"] == "ü✓"
    raws = []
    for i in range(20):
        raw = Peer(broker.url, broker.eve_member)
        raw.open()
        # The first piece of a text frame, masked; more never comes.
        raw.write_raw(b"\x01\x84abcd" + bytes(
            a ^ b for a, b in zip(b'{"ty', b"abcd")))
        raws.append(raw)
    honest()
    for raw in raws:
        assert raw.wait_closed(30)[0] in (1006, 1013, 1000)
    # Pieces without end of one who said hello: no more than a frame of them.
    eve.write_raw(b"\x01\xfe\x40\x00abcd" + bytes(0x4000))
    for _ in range(8):
        eve.write_raw(b"\x00\xfe\x40\x00abcd" + bytes(0x4000))
    assert eve.wait_closed()[0] in (1006, 1007, 1009)
    honest()


@pytest.mark.parametrize("bad", [
    b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
    b"\x00"])
def test_not_utf8(broker, honest, bad):
    for frame in (b'{"type":"set_state","key":"%s","value":1}',
                  b'{"type":"set_state","key":"k","value":"%s"}',
                  b'{"type":"remember","content":"%s"}',
                  b'{"type":"recall","query":"%s"}',
                  b'{"type":"share_skill","name":"%s","description":"",'
                  b'"instructions":""}'):
        eve = broker.peer(broker.eve_member)
        body = frame.replace(b"%s", bad)
        for opcode in 0x81, 0x82:       # text, binary
            eve.write_raw(bytes([opcode, 0x80 | 126]) +
                          len(body).to_bytes(2, "big") + bytes(4) + body)
        eve.close()
    alice = broker.peer(broker.alice_member)
    assert alice.ask("list_state")["entries"] == []
    assert alice.ask("recall", query="")["memories"] == []
    honest()


# --- half hellos ---

def test_half_hellos(broker, honest):
    """Those who never finish cost a place for the time of a hello only."""
    host, port = "127.0.0.1", broker.port
    upgrade = (b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
               b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
    starts = [b"", b"G", b"GET /ws HTTP/1.1\r\n", upgrade,
              upgrade + b"X: " + b"y" * 3000, upgrade + b"\r\n",
              upgrade + b"\r\n\x81", upgrade + b"\r\n\x81\xff" + bytes(7),
              b"\x16\x03\x01\x02\x00", b"POST /join HTTP/1.1\r\n"
              b"Content-Length: 9999\r\n\r\n{"]
    sockets = []
    for i in range(200):
        s = socket.create_connection((host, port))
        s.sendall(starts[i % len(starts)])
        sockets.append(s)
    peers = []
    for i in range(50):
        p = Peer(broker.url, broker.eve_member)
        p.open()
        hello = json.dumps(p.hello())
        p.put(hello[:i * len(hello) // 50])     # not JSON
        peers.append(p)
    for _ in range(20):
        honest()
    for p in peers:
        assert p.wait_closed(30)[0] == 1013
    for s in sockets:
        s.settimeout(30 * SLOW)
        try:
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
        s.close()
    honest()


# --- floods ---

def fill(eve):
    """What makes the answers to a flood large."""
    for i in range(40):
        eve.put({"type": "set_state", "key": f"k{i}", "value": "v" * 16000},
                {"type": "remember", "content": "flood " * 2000},
                {"type": "share_skill", "name": f"s{i}", "description": "d",
                 "instructions": "i" * 20000})
    eve.barrier()


FLOODS = {
    "recall": {"type": "recall", "query": "flood flood the rest of it"},
    "list_state": {"type": "list_state"},
    "list_peers": {"type": "list_peers"},
    "mesh_info": {"type": "mesh_info"},
    "set_state": {"type": "set_state", "key": "k0", "value": "v" * 1000},
    "remember": {"type": "remember", "content": "flood " * 100},
    "schedule": {"type": "schedule", "to": "*", "message": "x",
                 "cron": "59 23 29 2 *"},
    "cron": {"type": "schedule", "to": "*", "message": "x",
             "cron": "0 0 29 2 0"},
    "topic": {"type": "topic_create", "name": "flood"},
    "garbage": {"type": "no such thing"},
}


@pytest.mark.parametrize("what", FLOODS)
def test_flood(broker, honest, what):
    """Those who flood, and do not read, are not what others wait for."""
    eves = [broker.peer(broker.eve_member, name="eve") for _ in range(3)]
    fill(eves[0])
    text = json.dumps(FLOODS[what])
    stop = threading.Event()

    def flood(eve):
        while not stop.is_set() and not eve.closed:
            try:
                eve.put(*[text] * 200)
            except Exception:   # it was thrown out, or does not get through
                return
    for eve in eves[1:]:
        eve.stop_reading()
    threads = [threading.Thread(target=flood, args=(e,), daemon=True)
               for e in eves]
    for t in threads:
        t.start()
    try:
        slowest = max(honest() for _ in range(30))
        assert rss(broker) < RSS_MAX
    finally:
        stop.set()
        for eve in eves:
            eve.cut()
        for t in threads:
            t.join(20 * SLOW)
    assert slowest < 5 * SLOW
    assert log_lines(broker) < 400 * SLOW


def test_refusals_are_few_lines(broker, honest):
    """A line for each would fill the disk of whoever keeps the log."""
    began = time.monotonic()
    for _ in range(300):
        p = Peer(broker.url, broker.eve_member)
        p.open()
        p.put({**p.hello(), "signature": "0" * 128})
        assert p.expect("error")["code"] == "bad_signature"
        p.close()
    spent = time.monotonic() - began
    assert log_lines(broker) < 11 * (spent + 2) + 20
    honest()


def test_the_file_is_not_filled(broker, honest):
    """What one member stores has an end; another's room is its own."""
    eve = broker.peer(broker.eve_member)
    for i in range(100):
        eve.put({"type": "set_state", "key": f"big{i}", "value": "v" * 16000})
    for i in range(100):
        eve.put({"type": "share_skill", "name": f"s{i}", "description": "",
                 "instructions": "i" * 49000})
    assert eve.ask("set_state", key="more", value="v" * 16000)[
        "code"] == "limit_exceeded"
    assert eve.ask("share_skill", name="more", description="",
                   instructions="i" * 49000)["code"] == "limit_exceeded"
    for i in range(40):
        eve.put({"type": "schedule", "to": "*", "message": "m" * 32000,
                 "deliverAt": int(time.time() * 1000) + 9999999})
    assert eve.ask("schedule", to="*", message="m" * 32000, deliverAt=int(
        time.time() * 1000) + 9999999)["code"] == "limit_exceeded"
    assert os.path.getsize(broker.db) < 32 << 20
    alice = broker.peer(broker.alice_member)
    assert alice.ask("share_skill", name="mine", description="",
                     instructions="i")["action"] == "shared"
    wait_for(lambda: alice.ask("remember", content="mine")["type"] ==
             "memory_stored")
