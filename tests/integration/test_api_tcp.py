"""Promise: over TCP nobody is heard without the daemon's token, and with it a
caller is the daemon's owner and no more (local-api.md, "Who is asking", rule
2; the port is off unless configured).
"""

import os
import socket
import stat

import pytest

from harness import Events
from harness.asserts import arrived, is_error


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


@pytest.fixture(scope="module")
def daemon(make_shared):
    # Another process may take the port before the daemon does.
    for _ in range(5):
        port = free_port()
        d = make_shared.daemon(config=f"[api]\ntcp_port = {port}\n",
                               start=False)
        d.expected_errors.append(str(port))
        if d.start_any().exit == 0:
            d.tcp = ("127.0.0.1", port)
            path, = [p for p in (d.state_dir / "local-token",
                                 d.run_dir / "local-token") if p.exists()]
            d.bearer = path.read_text().strip()
            d.token_path = path
            d.secrets.add(d.bearer)
            return d
    raise AssertionError(d.tail())


@pytest.fixture
def tcp(daemon):
    return daemon.api(address=daemon.tcp, bearer=daemon.bearer)


def test_the_token_is_private(daemon):
    st = os.stat(daemon.token_path)
    assert stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == os.getuid()
    assert len(daemon.bearer) == 43         # 32 bytes, base64url


def test_only_this_host_can_connect(daemon):
    """127.0.0.1 and no other address of the machine."""
    port = f"{daemon.tcp[1]:04X}"
    for name in "tcp", "tcp6":
        with open(f"/proc/net/{name}") as f:
            for line in f.readlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == "0A" and local.endswith(":" + port):
                    assert name == "tcp" and local.startswith("0100007F")


def test_with_the_token(tcp, alice):
    assert tcp.get("/v1/version").status == 200
    assert alice.session_id in [
        s["sessionId"] for s in tcp.get("/v1/sessions").json["sessions"]]


@pytest.mark.parametrize("header", [
    None, "", "Bearer", "Bearer ", "Bearer x", "Basic x",
    "ClaudeMesh-Session " + "0" * 64])
@pytest.mark.parametrize("path", ["/v1/version", "/v1/sessions",
                                  "/v1/inbox", "/v1/events"])
def test_without_the_token(daemon, header, path):
    a = daemon.api(address=daemon.tcp)
    h = {} if header is None else {"Authorization": header}
    is_error(a.get(path, headers=h), 401)


def test_nearly_the_token(daemon):
    a = daemon.api(address=daemon.tcp)
    for near in daemon.bearer[:-1], daemon.bearer + "x", \
            daemon.bearer.swapcase():
        is_error(a.get("/v1/sessions", headers={
            "Authorization": f"Bearer {near}"}), 401)


def test_a_session_over_tcp(daemon, alice, bob):
    """Its token travels in the other header."""
    mine = daemon.api(alice.token, address=daemon.tcp, bearer=daemon.bearer)
    assert mine.get("/v1/sessions/me").json["session"]["sessionId"] == \
        alice.session_id
    with Events(daemon.api(bob.token, address=daemon.tcp,
                           bearer=daemon.bearer)) as events:
        assert mine.send(bob.pubkey, "by way of tcp").status == 202
        events.wait(where=lambda e: e.data["body"] == "by way of tcp")
    arrived(bob, "by way of tcp")
    wrong = daemon.api("0" * 64, address=daemon.tcp, bearer=daemon.bearer)
    is_error(wrong.get("/v1/inbox"), 401)


def test_a_session_token_alone_is_not_enough(daemon, alice):
    a = daemon.api(address=daemon.tcp)
    is_error(a.get("/v1/sessions/me", headers={
        "X-ClaudeMesh-Session": alice.token}), 401)


def test_host_and_origin_count_there_too(tcp):
    is_error(tcp.get("/v1/sessions", headers={"Host": "evil.example"}), 403)
    is_error(tcp.get("/v1/sessions", headers={"Origin": "null"}), 403)


def test_figures_for_the_owner(daemon, tcp, alice):
    """GET /metrics with the Bearer, and not for a session."""
    r = tcp.get("/metrics")
    assert r.status == 200 and b"meshsup_sessions{" in r.raw
    assert daemon.bearer.encode() not in r.raw
    is_error(daemon.api(address=daemon.tcp).get("/metrics"), 401)
    is_error(daemon.api(alice.token, address=daemon.tcp,
                        bearer=daemon.bearer).get("/metrics"), 403)
