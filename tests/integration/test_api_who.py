"""Promise: the local API knows who is asking, and shows nobody what is not
theirs (local-api.md, "Who is asking"; fault 9 of delivery.md section 9).
"""

import os
import subprocess
import sys

import pytest

from harness import Key
from harness.asserts import is_error


def test_version(api):
    r = api.get("/v1/version")
    assert r.status == 200
    assert r.json["ipc_api"] == "v1" and r.json["schema_version"] == 1
    assert isinstance(r.json["daemon_version"], str)
    assert isinstance(r.json["ipc_features"], list)
    assert r.headers["Content-Type"].startswith("application/json")


def test_health(daemon, api, alice):
    r = api.get("/v1/health")
    assert r.status == 200
    assert r.json["ok"] is True
    assert r.json["pid"] == daemon.status()["pid"]
    assert r.json["brokers"] == {"local": "open"}
    assert r.json["sessions"]["open"] >= 1
    assert r.json["uptime_s"] >= 0


def test_status_is_what_the_command_prints(daemon, api):
    r = api.get("/v1/status")
    assert r.status == 200
    assert set(r.json) == set(daemon.status())
    assert {"supervisor", "store", "gate", "broker", "member"} <= {
        p["role"] for p in r.json["processes"]}


def test_unknown_paths_and_methods(api):
    for path in ("/nope", "/", "/v1", "/v1/", "/v2/version", "/v1/versionx",
                 "/v1/version/x", "/v1/../v1/version"):
        is_error(api.get(path), 404)
    for method, path in (("PUT", "/v1/send"), ("GET", "/v1/send"),
                         ("POST", "/v1/version"), ("DELETE", "/v1/peers"),
                         ("PATCH", "/v1/inbox"), ("POST", "/v1/events"),
                         ("GET", "/v1/sessions/register")):
        r = api.request(method, path)
        assert r.status in (404, 405), r
        if path != "/v1/sessions/register":
            is_error(r, 405)


# --- who is asking ---

@pytest.mark.parametrize("host,status", [
    ("localhost", 200), ("127.0.0.1", 200), ("localhost:47823", 200),
    ("[::1]", 200), ("", 200), ("evil.example", 403),
    ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403),
    ("10.0.0.1", 403), ("localhost:x", 403)])
def test_host(api, host, status):
    r = api.ask(f"GET /v1/health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert r.status == status, r


def test_no_host_at_all(api):
    assert api.ask(b"GET /v1/health HTTP/1.1\r\n\r\n").status in (200, 400)
    assert api.ask(b"GET /v1/health HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize("origin", ["http://x", "null",
                                    "http://localhost", ""])
def test_any_origin_is_refused(api, origin):
    is_error(api.get("/v1/health", headers={"Origin": origin}), 403)


def test_a_token_in_the_query(api, alice):
    for q in (f"token={alice.token}", "token=x", "a=b&token=x", "token="):
        is_error(api.get("/v1/health?" + q), 400)
        is_error(alice.api.get("/v1/inbox?" + q), 400)


def test_the_order_of_these_checks(api):
    """They come before anything else."""
    bad = {"Authorization": "ClaudeMesh-Session zz"}
    is_error(api.get("/nope", headers={"Origin": "http://x", **bad}), 403)
    is_error(api.get("/v1/inbox?token=x", headers=bad), 400)
    is_error(api.get("/v1/inbox", headers={"Host": "evil", **bad}), 403)


BAD_TOKENS = ["zz", "", "0" * 63, "0" * 65, "g" * 64, "0" * 64, "é" * 32,
              "0" * 64 + " x"]


@pytest.mark.parametrize("token", BAD_TOKENS)
@pytest.mark.parametrize("path", ["/v1/inbox", "/v1/outbox", "/v1/events",
                                  "/v1/sessions/me", "/v1/sessions",
                                  "/v1/peers"])
def test_a_bad_token_is_401_never_a_wider_scope(api, token, path):
    """Fault 9 of delivery.md section 9."""
    for h in "Authorization", "X-ClaudeMesh-Session":
        value = token if h.startswith("X") else f"ClaudeMesh-Session {token}"
        r = api.get(path, headers={h: value.encode("utf-8")})
        is_error(r, 401)


def test_a_bad_token_does_not_send(api, bob):
    r = api.request("POST", "/v1/send", {"to": bob.pubkey, "message": "x"},
                    {"Authorization": "ClaudeMesh-Session " + "0" * 64})
    is_error(r, 401)


def test_probes_ignore_tokens(api):
    h = {"Authorization": "ClaudeMesh-Session zz"}
    assert api.get("/v1/version", headers=h).status == 200
    assert api.get("/v1/health", headers=h).status == 200


def test_the_other_header(api, alice):
    r = api.get("/v1/sessions/me",
                headers={"X-ClaudeMesh-Session": alice.token})
    assert r.json["session"]["sessionId"] == alice.session_id


def test_the_token_is_case_sensitive_hex(api, alice):
    is_error(api.get("/v1/sessions/me", headers={
        "X-ClaudeMesh-Session": alice.token.upper() + "0"}), 401)


def test_me_without_a_token(api):
    is_error(api.get("/v1/sessions/me"), 401)


def test_an_ended_session_is_401(daemon, api):
    s = daemon.register("shortlived")
    assert api.delete(f"/v1/sessions/{s.token}").status == 200
    is_error(s.api.get("/v1/sessions/me"), 401)
    is_error(s.api.get("/v1/inbox"), 401)
    is_error(s.send(Key().pub, "from the dead"), 401)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to be another user")
def test_another_uid_is_refused(daemon):
    """By the kernel's word, whatever the file's mode would allow."""
    code = ("import os, socket, sys\n"
            "os.setgid(65534); os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "try:\n"
            "    s.connect(sys.argv[1])\n"
            "except PermissionError:\n"
            "    print('no way in'); sys.exit()\n"
            "s.sendall(b'GET /v1/sessions HTTP/1.1\\r\\nHost: localhost"
            "\\r\\n\\r\\n')\n"
            "print(s.recv(100).split(b'\\r\\n')[0].decode())\n")
    out = subprocess.run([sys.executable, "-c", code, daemon.socket],
                         capture_output=True, text=True, timeout=30)
    assert out.stdout.strip() == "no way in" or " 403 " in out.stdout, out


def test_modes_of_what_is_private(daemon):
    for path in daemon.admin_socket, daemon.state_dir / "host.key", \
            daemon.state_dir / "sessions.db":
        assert os.stat(path).st_mode & 0o077 == 0, path
    for path in (daemon.state_dir / "meshes.d").iterdir():
        assert os.stat(path).st_mode & 0o077 == 0, path
