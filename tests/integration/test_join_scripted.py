"""Promise: joining a deployed broker sends what the protocol says, and nothing
before the invite is found good; whatever it answers, or does not, ends in an
error that says so, within 30 s, and leaves nothing behind (broker-protocol.md,
"Joining over HTTP").
"""

import json
import re
import socket
import threading
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.api import Api
from harness.joinhost import JoinHost, decode, encode, http, payload
from harness.keys import now_ms
from harness.tls import Authority
from harness.wait import remaining

ERRORS = [
    ("invite_bad_signature", 400), ("mesh_not_found", 404),
    ("mesh_missing_owner_key", 409), ("invite_owner_mismatch", 400),
    ("invite_not_found", 404), ("invite_mesh_mismatch", 400),
    ("invite_revoked", 410), ("invite_expired", 410),
    ("invite_exhausted", 410), ("member_insert_failed", 502)]


@pytest.fixture(scope="module")
def daemon(make_shared):
    return make_shared.daemon()


@pytest.fixture
def host(make):
    return make.keep(JoinHost())


def join(d, link, **fields):
    if len(link) > 40:
        d.secrets.add(link[-40:])
    api = Api(d.socket, None, d.secrets, timeout=40)
    return api.post("/v1/meshes/join", {"invite": link, **fields})


def refused(d, link, status, code):
    """And nothing is left: no file, no mesh, no process."""
    r = join(d, link)
    assert (r.status, r.error) == (status, code), r
    assert not list((d.state_dir / "meshes.d").glob("acme*"))
    wait_for(lambda: not d.processes("join"), 10, "a process that joins")
    return r


def joined(make, d, url_of, **kw):
    """Join a scripted broker and talk over it."""
    broker = make.scripted()
    h = make.keep(JoinHost(broker, **kw))
    r = join(d, url_of(h))
    assert r.status == 200, r
    alice = d.register("alice", mesh="acme")
    key = Key()
    conn = broker.wait_session(alice.pubkey)
    conn.put(broker.direct(conn.hello["meshId"], key, alice.pubkey, "hi"))
    got, = alice.wait_inbox(1)
    assert got["body"] == "hi" and got["authenticated"]
    assert alice.send(key.pub, "to you").status == 202
    broker.wait_sends(conn, 1)
    return h, r


def test_what_is_sent(make):
    d = make.daemon()
    h, r = joined(make, d, lambda h: "ic://join/" + h.invite())
    post, = h.posts
    assert post.path == "/join"
    assert post.headers["host"] == f"127.0.0.1:{h.port}"
    assert post.headers["content-type"] == "application/json"
    said = post.json
    assert set(said) == {"invite_token", "invite_payload", "peer_pubkey",
                         "display_name"}
    assert decode(said["invite_token"]) == said["invite_payload"]
    assert said["peer_pubkey"] == r.json["mesh"]["pubkey"]
    assert said["display_name"] == socket.gethostname()
    assert r.json["mesh"]["brokerUrl"] == h.url
    assert r.json["mesh"]["meshId"] == said["invite_payload"]["mesh_id"]
    held = json.loads((d.state_dir / "meshes.d" / "acme.json").read_text())
    assert held["secretKey"] not in post.body.decode()


@pytest.mark.parametrize("before", ["", "https://x.example/join/",
                                    "https://x.example/en/join/"])
def test_forms_of_links(make, before):
    """Only the token counts: nobody asks x.example."""
    d = make.daemon()
    h = make.keep(JoinHost())
    r = join(d, before + h.invite(), display_name="näme")
    assert r.status == 200, r
    assert h.posts[0].json["display_name"] == "näme"


def test_already_a_member(make):
    d, h = make.daemon(), make.keep(JoinHost())
    h.answer = lambda *_: http(200, {"ok": True, "memberId": "m-1",
                                     "alreadyMember": True})
    r = join(d, h.invite())
    assert r.status == 200 and r.json["already_member"] is True, r


@pytest.mark.parametrize("code,status", ERRORS)
def test_every_error(daemon, host, code, status):
    host.answer = lambda *_: http(400, {"ok": False, "error": code})
    refused(daemon, host.invite(), status, code)
    assert len(host.posts) == 1


def test_a_sentence(daemon, host):
    host.answer = lambda *_: http(400, {"ok": False,
                                        "error": "we are full, sorry"})
    r = refused(daemon, host.invite(), 403, "join_refused")
    assert "we are full, sorry" in r.json["detail"]


def wrong(host, **fields):
    """Signed, and then changed."""
    p = payload(host.owner, host.url)
    p.update(fields)
    return encode({k: v for k, v in p.items() if v is not None})


@pytest.mark.parametrize("make_token,status,code", [
    (lambda h: wrong(h, mesh_slug="other"), 400, "invite_bad_signature"),
    (lambda h: wrong(h, role="admin"), 400, "invite_bad_signature"),
    (lambda h: wrong(h, owner_pubkey=Key().pub), 400,
     "invite_bad_signature"),
    (lambda h: wrong(h, expires_at=now_ms() // 1000 + 9999), 400,
     "invite_bad_signature"),
    (lambda h: wrong(h, signature="0" * 128), 400, "invite_bad_signature"),
    (lambda h: h.invite(expires_at=now_ms() // 1000 - 1), 410,
     "invite_expired"),
    (lambda h: h.invite(expires_at=0), 410, "invite_expired"),
    (lambda h: h.invite(v=2), 400, "invalid_invite"),
    (lambda h: h.invite(role="owner"), 400, "invalid_invite"),
    (lambda h: h.invite(mesh_slug="a|b"), 400, "invalid_invite"),
    (lambda h: h.invite(broker_url="http://127.0.0.1/ws"), 400,
     "invalid_invite"),
    (lambda h: h.invite(mesh_slug="a b"), 400, "slug_required"),
    (lambda h: wrong(h, signature=None), 400, "invalid_invite"),
    (lambda h: h.invite()[:-7], 400, "invalid_invite"),
])
def test_nothing_is_sent_before_it_is_good(daemon, host, make_token, status,
                                           code):
    refused(daemon, make_token(host), status, code)
    assert host.connections == 0


# --- short links and TLS ---

def trusting(make, authority):
    return make.daemon(f"[worker]\nca_file = {authority.ca_file}\n")


def test_a_short_link(make, authority):
    """Resolved at its host, then all over TLS at the broker."""
    d = trusting(make, authority)

    def link(h):
        h.codes["Ab-9_x"] = h.invite()
        return f"https://127.0.0.1:{h.port}/i/Ab-9_x"
    h, _ = joined(make, d, link, tls=authority.server_context())
    get, post = h.seen
    assert (get.method, get.path) == ("GET",
                                      "/api/public/invite-code/Ab-9_x")
    assert (post.method, post.path) == ("POST", "/join")
    d.secrets |= set(h.codes.values())


def test_a_short_link_that_leads_nowhere(make, authority):
    d = trusting(make, authority)
    h = make.keep(JoinHost(tls=authority.server_context()))
    link = f"https://127.0.0.1:{h.port}/i/none"
    refused(d, link, 404, "invite_not_found")
    for answer, status, code in (
            (http(404, {"error": "x"}), 404, "invite_not_found"),
            (http(200, {"found": True}), 502, "bad_answer"),
            (http(200, {"found": True, "token": "rubbish"}), 400,
             "invalid_invite"),
            (http(302, b"", f"Location: {h.url}\r\n"), 502, "redirected"),
            (http(500, b"oops"), 502, "bad_answer")):
        h.answer = lambda *_, a=answer: a
        refused(d, link, status, code)
    h.codes["old"] = h.invite(expires_at=1)
    h.answer = h.take_in
    refused(d, f"https://127.0.0.1:{h.port}/i/old", 410, "invite_expired")
    assert not h.posts


def test_a_certificate_that_is_not_trusted(make, authority, tmp_path):
    """Neither a short link nor a member is sent to whom nobody vouches for."""
    d = trusting(make, authority)
    other = Authority(tmp_path, "other")
    h = make.keep(JoinHost(tls=other.server_context()))
    r = refused(d, h.invite(), 502, "unreachable")
    assert "certificate" in r.json["detail"], r
    refused(d, f"https://127.0.0.1:{h.port}/i/code", 502, "unreachable")
    named = Authority(tmp_path, "named", host="DNS:other.example")
    d2 = make.daemon(f"[worker]\nca_file = {named.ca_file}\n")
    h2 = make.keep(JoinHost(tls=named.server_context()))
    refused(d2, h2.invite(), 502, "unreachable")
    assert not h.seen and not h2.seen


# --- hosts that are hostile, or ill ---

def drip(host):
    """An answer that goes on for ever, a byte at a time."""
    def answer(_seen, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            sock.sendall(b" ")
            time.sleep(0.2)
    host.answer = answer


def flood(_seen, sock):
    """More than anybody wants, without a length."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(4096):
        sock.sendall(b"x" * 65536)


OK = {"ok": True, "memberId": "m"}


@pytest.mark.parametrize("answer,codes", [
    (http(200, {"ok": True}), "bad_answer"),
    (http(200, {"ok": True, "memberId": ""}), "bad_answer"),
    (http(200, {"ok": True, "memberId": 7}), "bad_answer"),
    (http(200, {"ok": True, "memberId": "a|b"}), "bad_answer"),
    (http(200, {"ok": True, "memberId": "a\nb"}), "bad_answer"),
    (http(200, {"ok": True, "memberId": "x" * 129}), "bad_answer"),
    (http(200, {"ok": 1, "memberId": "m"}), "bad_answer"),
    (http(200, {"ok": False}), "bad_answer"),
    (http(201, OK), "bad_answer"),
    (http(500, OK), "bad_answer"),
    (http(400, {"ok": False, "error": "\x1b[31mred"}), "bad_answer"),
    (http(400, {"ok": False, "error": "x" * 5000}), "bad_answer"),
    (http(400, {"ok": False, "error": {"a": 1}}), "bad_answer"),
    (http(200, b""), "bad_answer"),
    (http(200, b"[]"), "bad_answer"),
    (http(200, b"\xff\xfe{}"), "bad_answer"),
    (http(200, b'{"ok":true,"ok":true,"memberId":"m"}'), "bad_answer"),
    (http(200, b"[" * 60000), "bad_answer"),
    (http(200, b'{"ok":true,"memberId":"m"'), "bad_answer"),
    (http(200, b" " * 65537), "unreachable"),
    (http(200, b" " * (1 << 20)), "unreachable"),
    (flood, "unreachable"),
    (http(301, b"", "Location: http://127.0.0.1:1/join\r\n"), "redirected"),
    (http(307, b"", "Location: /join\r\n"), "redirected"),
    (b"", "unreachable"), (b"\x00" * 3000, "unreachable"),
    (b"SSH-2.0-x\r\n\r\n", "unreachable"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200000 + b"\r\n\r\n",
     "unreachable"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}",
     "bad_answer|unreachable"),
])
def test_a_hostile_host(daemon, host, answer, codes):
    """One question is asked, and one error comes of it."""
    host.answer = answer if callable(answer) else lambda *_: answer
    r = join(daemon, host.invite())
    assert r.status == 502 and re.fullmatch(codes, r.error), r
    assert "\x1b" not in r.json["detail"] and len(r.raw) < 600
    assert not list((daemon.state_dir / "meshes.d").glob("acme*"))
    assert len(host.posts) == 1
    wait_for(lambda: not daemon.processes("join"), 10)


def test_a_redirect_is_not_followed(daemon, host, make):
    other = make.keep(JoinHost())
    host.answer = lambda *_: http(
        302, b"", f"Location: http://127.0.0.1:{other.port}/join\r\n")
    refused(daemon, host.invite(), 502, "redirected")
    assert other.connections == 0


def test_nobody_there(daemon, host):
    link = host.invite()
    host.close()
    refused(daemon, link, 502, "unreachable")
    gone = JoinHost()
    link = gone.invite(broker_url="ws://name.invalid/ws")
    gone.close()
    refused(daemon, link, 502, "unreachable")


@pytest.mark.last
def test_no_answer(make):
    """At most 30 s, whatever the host does meanwhile; the daemon goes on, and
    not too many wait at a time."""
    d = make.daemon()
    hosts = [make.keep(JoinHost()) for _ in range(4)]
    silent, drips, deaf, late = hosts
    stop = threading.Event()
    silent.answer = lambda *_: stop.wait(60 * SLOW) and None
    drip(drips)
    deaf.answer = late.answer = silent.answer
    answers = {}

    def ask(h):
        answers[h] = join(d, h.invite())
        answers[h].at = time.monotonic()
    begin = time.monotonic()
    threads = [threading.Thread(target=ask, args=(h,)) for h in hosts]
    for t in threads:
        t.start()
    wait_for(lambda: all(h.posts for h in hosts), 20, "four questions")
    r = join(d, hosts[0].invite())
    assert (r.status, r.error) == (429, "too_many_joins"), r
    s = d.register("s")
    assert s.send("*", "meanwhile").status == 202
    end = begin + 40 * SLOW
    for t in threads:
        t.join(remaining(end))
    stop.set()
    assert all(h in answers for h in hosts), answers
    for a in answers.values():
        assert (a.status, a.error) == (504, "timeout"), a
        assert a.at - begin > 20
    wait_for(lambda: not d.processes("join"), 10)
    assert not list((d.state_dir / "meshes.d").glob("acme*"))


def test_the_worker_is_killed(make):
    """Said at once, and it can be tried again."""
    d, h = make.daemon(), make.keep(JoinHost())
    stop = threading.Event()
    h.answer = lambda *_: stop.wait(60 * SLOW) and None
    out = []
    t = threading.Thread(target=lambda: out.append(join(d, h.invite())))
    t.start()
    wait_for(lambda: h.posts, 10)
    d.kill("join")
    t.join(20 * SLOW)
    stop.set()
    assert (out[0].status, out[0].error) == (503, "join_failed"), out
    h.answer = h.take_in
    assert join(d, h.invite()).status == 200


def test_banned_and_back(make):
    """Who was thrown out joins again with a new key; its session goes on."""
    broker = make.scripted()
    h = make.keep(JoinHost(broker))
    d = make.daemon()
    mesh_id = "mesh-one"
    first = join(d, h.invite(mesh_id=mesh_id))
    assert first.status == 200, first
    s = d.register("s", mesh="acme")
    broker.hello = lambda conn: (4002, "banned") if conn.kind == "member" \
        and conn.pub == first.json["mesh"]["pubkey"] else \
        [broker.hello_ack(conn)]
    broker.wait_member().close(4002, "banned")
    wait_for(lambda: d.api().get("/v1/health").json["brokers"]["acme"] ==
             "parked", 20)
    again = join(d, h.invite(mesh_id=mesh_id))
    assert again.status == 200, again
    assert again.json["mesh"]["pubkey"] != first.json["mesh"]["pubkey"]
    wait_for(lambda: d.api().get("/v1/health").json["brokers"]["acme"] ==
             "open", 20)
    wait_for(lambda: any(
        c.kind == "session" and c.hello["parentMemberPubkey"] ==
        again.json["mesh"]["pubkey"] for c in broker.live()), 20)
    s.wait_open()
