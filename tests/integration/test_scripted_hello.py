"""Promise: against a broker that shares no code with us and checks every
signature, members and sessions say hello as the protocol says, over TLS only
to whom they trust (broker-protocol.md, "Hello of a member", "Hello of a
session"; fault 18 of delivery.md section 9).
"""

import os
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.keys import now_ms
from harness.world import World, body_list
from harness.tls import Authority


def test_member_hello(world):
    world.register()
    f = world.broker.wait_member().hello
    assert f["memberId"] == world.member.member_id
    assert f["pubkey"] == world.member.key.pub
    assert f["displayName"] == "hosty"
    assert f["sessionId"]


def test_session_hello(world):
    """Fault 18 of delivery.md section 9: the groups are in the hello."""
    s = world.register("näme ✓", role="reviewer", cwd="/var/tmp",
                       groups=["@dev:lead", {"name": "ops"}])
    f = s.conn().hello
    assert f["sessionPubkey"] == s.pubkey
    assert f["sessionId"] == s.session_id
    assert f["displayName"] == "näme ✓"
    assert f["pid"] == os.getpid() and f["cwd"] == "/var/tmp"
    assert f["role"] == "reviewer"
    assert f["groups"] == [{"name": "dev", "role": "lead"}, {"name": "ops"}]
    left = f["parentAttestation"]["expiresAt"] - now_ms()
    assert 11 * 3600e3 < left <= 12 * 3600e3 + 60e3


def test_an_empty_list_of_groups_is_sent(world):
    s = world.register(groups=[])
    assert s.conn().hello["groups"] == []


def test_a_session_id_that_is_no_uuid_stays_here(world):
    s = world.register(session_id="my session")
    f = s.conn().hello
    assert f["sessionId"] and f["sessionId"] != "my session"


def test_a_brought_key(world):
    key = Key()
    a = world.member.attest(key.pub)
    s = world.register(presence={
        "session_pubkey": key.pub, "session_secret_key": key.secret,
        "parent_attestation": {
            "session_pubkey": key.pub,
            "parent_member_pubkey": world.member.key.pub,
            "expires_at": a["expiresAt"], "signature": a["signature"]}})
    world.daemon.secrets.add(key.secret)
    assert s.pubkey == key.pub
    assert s.conn().hello["sessionPubkey"] == key.pub


def test_the_same_id_over_reconnects(world):
    s = world.register()
    first = s.conn()
    first.cut()
    second = s.conn(after=first.number)
    assert second.hello["sessionId"] == first.hello["sessionId"]
    assert second.pub == first.pub


def test_no_answer_to_the_hello_for_five_seconds(make):
    w = World(make, start=False)
    w.broker.hello = "ignore"
    w.broker.start()
    s = w.register(wait_open=False)
    conn = w.broker.wait_session(s.pubkey)
    w.broker.wait(lambda: conn.closed, 12, "the client waits for ever")
    took = time.monotonic() - conn.opened
    assert 4.5 < took < 5 * max(SLOW, 1) + 2.5, took
    assert s.state() != "open"
    w.broker.hello = "ack"
    s.wait_open()


def test_pushes_before_the_hello_ack_are_kept(make):
    w = World(make, start=False)
    early = []

    def answer(conn):
        if conn.kind == "session" and not early:
            early.append(w.broker.direct(
                w.member.mesh_id, Key(), conn.pub, "before the ack"))
            return [early[0], w.broker.hello_ack(conn)]
        return [w.broker.hello_ack(conn)]
    w.broker.hello = answer
    w.broker.start()
    s = w.register()
    wait_for(lambda: body_list(s) == ["before the ack"], 10)
    w.broker.wait_frame(s.conn(), "client_ack", lambda f:
                        f["brokerMessageId"] == early[0]["messageId"])


# --- TLS ---

def test_wss_with_the_right_ca(make, authority):
    w = World(make, tls=authority.server_context(),
              config=f"[worker]\nca_file = {authority.ca_file}\n")
    s, bob = w.register(), Key()
    s.send(bob.pub, "over tls")
    f = w.broker.wait_sends(s.conn(), 1)[0]
    assert bob.open(s.pubkey, f["nonce"], f["ciphertext"]) == "over tls"
    s.conn().put(w.push(s, "back over tls"))
    wait_for(lambda: body_list(s) == ["back over tls"], 10)


@pytest.mark.parametrize("wrong", ["ca", "host"])
def test_wss_refuses_the_wrong_certificate(make, authority, tmp_path, wrong):
    other = Authority(tmp_path, host="DNS:elsewhere.example"
                      if wrong == "host" else "IP:127.0.0.1")
    trusted = other.ca_file if wrong == "host" else authority.ca_file
    w = World(make, tls=other.server_context(),
              config=f"[worker]\nca_file = {trusted}\n")
    s = w.register(wait_open=False)
    line = w.daemon.wait_log(r"(?i)certificate|verif|tls|ssl")
    assert line["level"] in ("warn", "error", "info")
    assert s.state() != "open"
    assert not w.broker.conns       # nothing was said, not even a request
