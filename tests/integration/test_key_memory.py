"""Promise: a session's secret key is in the memory of its own worker and
nowhere else: a minted one never leaves it in the clear, one that a client
brought is wiped from gate and supervisor when it is registered; no file and
no log holds either (design.md, "Keys"; issue, "Registry and life cycle").
"""

import json
import os

import pytest

from harness import Key, wait_for
from harness.asserts import brought, is_error, registration


# Sanitizers keep their books in regions of many gigabytes.
HUGE = 1 << 28


def regions(pid):
    """What of a process can be written to, as (begin, end, bytes)."""
    with open(f"/proc/{pid}/maps") as f:
        lines = f.read().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in lines:
            place, mode = line.split()[:2]
            if mode[:2] != "rw" or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            begin, end = (int(x, 16) for x in place.split("-"))
            if end - begin > HUGE:
                continue
            try:
                mem.seek(begin)
                yield begin, end, mem.read(end - begin)
            except (OSError, ValueError):
                continue        # the guard page, or it has just gone


def find_in(pid, needles):
    """Which needles are in its memory, and how often: {needle: count}."""
    found = {}
    for _, _, data in regions(pid):
        for n in needles:
            if n in data:
                found[n] = found.get(n, 0) + data.count(n)
    return found


def forms(secret):
    """The seed as bytes, and in hex as it travels in JSON."""
    seed = secret[:32]
    return [seed, seed.hex().encode(), seed.hex().upper().encode()]


def can_look(pid):
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0):
            return True
    except OSError:
        return False


def secret_in(pid, pub):
    """A secret key ends with its public key: the one in there."""
    public = bytes.fromhex(pub)
    for _, _, data in regions(pid):
        at = data.find(public)
        while at != -1:
            seed = data[at - 32:at] if at >= 32 else b""
            if len(seed) == 32 and Key(seed).pub == pub:
                return seed + public
            at = data.find(public, at + 1)
    return None


def files_below(root):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    yield path, f.read()


def expect_nowhere_else(daemon, secret, own):
    """own: the pid of its worker."""
    needles = forms(secret)

    def clean():
        """A process that has only just come does not count as looked at."""
        for p in daemon.processes():
            if p["pid"] and p["pid"] != own:
                assert not find_in(p["pid"], needles), p
        return True
    clean()
    for path, data in files_below(daemon.root):
        assert not any(n in data for n in needles), path


@pytest.fixture
def daemon(make):
    d = make.daemon()
    if not can_look(d.pid("supervisor")):
        pytest.skip("may not look into another process's memory")
    return d


def member_of(daemon):
    file, = (daemon.state_dir / "meshes.d").glob("*.json")
    secret = json.loads(file.read_text())["secretKey"]
    return Key(bytes.fromhex(secret)[:32])


def test_the_looking_finds_what_is_there(daemon):
    """The member's key is in its worker; the supervisor, which read it from
    the mesh file, has wiped it."""
    secret = bytes.fromhex(member_of(daemon).secret)
    member = daemon.pid("member")
    assert find_in(member, [secret])
    daemon.register("s")
    for role in "supervisor", "gate", "store", "resolver", "broker":
        assert not find_in(daemon.pid(role), forms(secret)), role


def test_a_minted_key_never_leaves_its_worker(daemon):
    s, other = daemon.register("s"), daemon.register("other")
    assert s.send(other, "a message, so that the key is used").status == 202
    wait_for(lambda: other.inbox(), 10)
    pid = daemon.pid("worker", s)
    secret = secret_in(pid, s.pubkey)
    assert secret, "it is not even in its worker"
    expect_nowhere_else(daemon, secret, pid)
    # The next worker has it from the supervisor, wrapped.
    daemon.kill("worker", s)
    daemon.wait_restarted("worker", pid, s)
    s.wait_open()
    pid = daemon.pid("worker", s)
    assert secret_in(pid, s.pubkey) == secret
    expect_nowhere_else(daemon, secret, pid)
    # And so has that of the next supervisor.
    daemon.kill("supervisor")
    daemon.wait_gone()
    daemon.start()
    s.api.close()
    s.wait_open()
    pid = daemon.pid("worker", s)
    assert secret_in(pid, s.pubkey) == secret
    expect_nowhere_else(daemon, secret, pid)


@pytest.mark.parametrize("how", ["whole", "in pieces", "chunked"])
def test_a_brought_key_is_wiped(daemon, how):
    """From what was read, parsed, asked and answered, however it came."""
    key = Key()
    daemon.secrets.add(key.secret)
    body = registration(presence=brought(member_of(daemon), key))
    daemon.secrets.add(body["token"])
    text = json.dumps(body).encode()
    head = b"POST /v1/sessions/register HTTP/1.1\r\nHost: localhost\r\n"
    if how == "chunked":
        data = head + b"Transfer-Encoding: chunked\r\n\r\n"
        for i in range(0, len(text), 100):
            piece = text[i:i + 100]
            data += b"%x\r\n%s\r\n" % (len(piece), piece)
        data += b"0\r\n\r\n"
    else:
        data = head + b"Content-Length: %d\r\n\r\n" % len(text) + text
    api = daemon.api()
    if how == "in pieces":
        answer = ask_in_pieces(daemon.socket, data)
    else:
        answer = api.ask(data, 15)
    assert answer.status == 200, answer
    mine = daemon.api(body["token"])
    wait_for(lambda: mine.get("/v1/sessions/me").json["session"]["state"]
             == "open", 15)
    secret = bytes.fromhex(key.secret)
    pid = daemon.pid("worker", body["session_id"])
    assert secret_in(pid, key.pub) == secret
    expect_nowhere_else(daemon, secret, pid)


def ask_in_pieces(address, data):
    from harness.api import connect_to, parse_responses
    s = connect_to(address, 30)
    try:
        for i in range(0, len(data), 61):
            s.sendall(data[i:i + 61])
        got = b""
        while not parse_responses(got):
            piece = s.recv(65536)
            assert piece, got
            got += piece
        return parse_responses(got)[0]
    finally:
        s.close()


@pytest.mark.parametrize("changes, status", [
    ({"token": "zz"}, 400), ({"mesh": "nowhere"}, 404), ({"pid": 1}, 400),
    ({"caps": ["fly"]}, 400), ({"groups": [7]}, 400),
])
def test_a_key_of_a_refused_registration_is_wiped(daemon, changes, status):
    if changes.get("pid") == 1 and os.stat("/proc/1").st_uid == os.getuid():
        changes = {"pid": 2 ** 31 - 1}
    key = Key()
    daemon.secrets.add(key.secret)
    body = registration(presence=brought(member_of(daemon), key), **changes)
    api = daemon.api()
    is_error(api.post("/v1/sessions/register", body), status)
    expect_nowhere_else(daemon, bytes.fromhex(key.secret), 0)


def test_a_key_in_malformed_json_is_wiped(daemon):
    key = Key()
    daemon.secrets.add(key.secret)
    body = json.dumps(registration(presence=brought(member_of(daemon), key)))
    api = daemon.api()
    is_error(api.post("/v1/sessions/register", body[:-1].encode()), 400)
    expect_nowhere_else(daemon, bytes.fromhex(key.secret), 0)
