"""Promise: nothing that a client sends makes the embedded broker answer what
it should not, or fall: garbage, unknown types, frames past 65,536 bytes,
broken handshakes (broker-protocol.md, introduction and "Send").
"""

import json
import socket

import pytest
import websockets

from harness import Peer, wait_for


@pytest.fixture(scope="module")
def broker(make_shared):
    b = make_shared.broker()
    b.alice = b.add_member("local", "alice")
    b.bob = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def alice(broker):
    p = broker.peer(broker.alice)
    yield p
    if not p.closed:
        p.close()


GARBAGE = ["{nope", "", " ", "null", "[]", "[1]", "7", '"x"', "{}", "\x00",
           '{"type":null}', '{"type":7}', '{"type":[]}', "[" * 5000,
           '{"type":"bogus_type","_reqId":"r1"}', '{"type":"ping"}',
           '{"type":"hello_ack"}', '{"type":"push","messageId":"x"}',
           '{"type":"ack","id":"x","queued":true}', b"\x00\x01\xff",
           '{"type":"client_ack"}', '{"type":"client_ack",'
           '"brokerMessageId":7}', '{"type":"list_peers","type":"x"}x']


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_gets_no_answer(alice, text):
    alice.put(text)
    before = len(alice.seen)
    alice.barrier()
    extra = [f for f in alice.seen[before:] if f["type"] not in
             ("peers_list", "push")]
    assert not extra


@pytest.mark.parametrize("changes", [
    {"targetSpec": None}, {"nonce": None}, {"ciphertext": None},
    {"priority": "zzz"}, {"targetSpec": 7}, {"priority": 1}])
def test_incomplete_sends_are_swallowed(broker, alice, changes):
    bob = broker.peer(broker.bob)
    bad = alice.message(bob.pub, "never seen")
    bad.update(changes)
    alice.put({k: v for k, v in bad.items() if v is not None})
    good = alice.message(bob.pub, "seen")
    alice.put(good)
    assert alice.expect("ack")["id"] == good["id"]
    assert bob.receive()["text"] == "seen"
    bob.close()


def padded(size):
    """An unknown request of exactly that many bytes."""
    empty = json.dumps({"type": "bogus", "x": ""})
    return empty[:-2] + "x" * (size - len(empty)) + '"}'


def test_a_frame_of_65536_bytes_is_taken(alice):
    alice.put(padded(65536))
    assert alice.barrier()


def test_a_frame_of_65537_bytes_closes_1009(broker, alice):
    alice.put(padded(65537))
    assert alice.wait_closed()[0] == 1009
    # Only this connection is gone.
    assert broker.peer(broker.alice).barrier()


def test_size_is_counted_in_bytes(alice):
    text = '{"type":"bogus","x":"' + "ü" * 33000 + '"}'
    assert len(text) < 65536 < len(text.encode())
    alice.put(text)
    assert alice.wait_closed()[0] == 1009


def test_a_direct_message_as_large_as_a_frame(broker, alice):
    bob = broker.peer(broker.bob)
    room = 65536 - len(json.dumps(alice.message(bob.pub, "")))
    text = "m" * (room // 4 * 3 - 3)
    frame = alice.message(bob.pub, text)
    assert 65000 < len(json.dumps(frame)) <= 65536
    alice.put(frame)
    assert alice.expect("ack")["queued"]
    assert bob.receive()["text"] == text
    bob.close()


@pytest.mark.parametrize("path", ["/", "/WS", "/wsx", "/ws/", "/x/ws"])
def test_only_the_path_ws(broker, path):
    p = Peer(broker.url)
    with pytest.raises((websockets.InvalidHandshake, OSError)):
        p.open(path)


def raw(broker, data, half=False):
    s = socket.create_connection(("127.0.0.1", broker.port), timeout=5)
    try:
        s.sendall(data)
        if half:
            s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return s


BROKEN = [b"\r\n\r\n", b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
          b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
          b"Connection: Upgrade\r\nSec-WebSocket-Version: 1\r\n"
          b"Sec-WebSocket-Key: x\r\n\r\n",
          b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 5000,
          b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
          b"POST /join HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"]


@pytest.mark.parametrize("data", BROKEN)
def test_broken_handshakes_hurt_nobody(broker, alice, data):
    socks = [raw(broker, data), raw(broker, data, half=True),
             raw(broker, data[:len(data) // 2])]
    assert alice.barrier()
    for s in socks:
        s.close()
    assert alice.barrier()


def test_invalid_utf8_hurts_nobody(broker, alice):
    p = broker.peer(broker.alice)
    # A text frame, masked with zeros, whose payload is not UTF-8.
    p.write_raw(b"\x81\x83\x00\x00\x00\x00\xff\xfe\xfd")
    assert alice.barrier()
    # Refused as WebSocket says, or as a frame that is not JSON.
    wait_for(lambda: p.closed or p.barrier())


def test_a_reader_that_stops_reading_delays_nobody(broker, alice):
    """Promise 5 of delivery.md section 1, on the broker's side."""
    deaf = broker.peer(broker.bob)
    bob = broker.peer(broker.bob)
    deaf.stop_reading()
    big = "x" * 40000
    for i in range(300):
        alice.put(alice.message("*", big, cid=f"big-{i}"))
    for i in range(300):
        alice.expect("ack", id=f"big-{i}")
    alice.send(bob.pub, "through")
    while bob.receive(deadline=30)["text"] != "through":
        pass
    deaf.cut()


def test_many_connections_at_once(broker, alice):
    peers = [broker.peer(broker.bob) for _ in range(60)]
    listed = {p["pubkey"] for p in alice.barrier()}
    assert {p.pub for p in peers} <= listed
    for p in peers:
        p.close()


def test_keys_are_lower_case_hex(broker, alice):
    bob = broker.peer(broker.bob)
    frame = alice.message(bob.pub, "x")
    frame["targetSpec"] = bob.pub.upper()
    alice.put(frame)
    answer = alice.barrier() and alice.unexpected("ack")
    assert not answer or answer[0]["queued"] is False
    assert not bob.pushes()
    bob.close()
