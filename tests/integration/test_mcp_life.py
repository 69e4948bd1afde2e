"""Promise: the bridge speaks for one session and never for more, lives exactly
as long as its host, waits for a daemon that is away, and over restarts of
everything it tells each message once and in order (issue "The bridge to the
agents").
"""

import json
import os
import signal
import subprocess
import threading

import pytest

from harness import SLOW, wait_for
from harness.fakegate import FakeGate
from harness.mcphost import Host, bridge
from test_events_kill import IN_TURN, kill
from test_kill import Traffic

COUNT = 240


def token_file(daemon, name, token):
    path = daemon.root / f"{name}.token"
    path.write_text(token + "\n")
    return path


def refused(daemon, env, *options):
    """What it says when it does not start at all."""
    r = subprocess.run(daemon.argv("mcp", *options), text=True,
                       env={**daemon.env, **env}, input="",
                       capture_output=True, timeout=30 * SLOW)
    assert r.stdout == "", r
    return r.returncode, r.stderr


# --- whose it is ---

def test_a_token_that_does_not_work(daemon):
    """It never starts, in no other scope."""
    stale = token_file(daemon, "stale", "0" * 64)
    garbled = token_file(daemon, "garbled", "not a token")
    for name in "MESHSUP_TOKEN_FILE", "CLAUDEMESH_IPC_TOKEN_FILE":
        code, err = refused(daemon, {name: str(stale)})
        assert code == 1 and "invalid_session_token" in err
        code, err = refused(daemon, {name: str(garbled)})
        assert code == 1 and "not a session's token" in err
        code, err = refused(daemon, {name: "/nonexistent"})
        assert code == 1 and "/nonexistent" in err
    code, err = refused(daemon, {}, "--as", "nobody")
    assert code == 1 and "nobody" in err


def test_usage(daemon, alice):
    path = token_file(daemon, "usage", alice.token)
    assert refused(daemon, {}, "--confirm=never")[0] == 2
    code, err = refused(daemon, {"MESHSUP_TOKEN_FILE": str(path)},
                        "--mesh", "local")
    assert code == 2 and "--mesh" in err


def test_two_sessions_on_one_daemon(make, daemon):
    """Each hears and reads its own, and nothing of the other."""
    carol, dave = daemon.register("carol"), daemon.register("dave")
    for s in carol, dave:
        s.inbox("limit=1000")
    a = bridge(make, daemon, carol)
    b = bridge(make, daemon, dave, env={})
    a.wait_welcome()
    b.wait_welcome()
    for i in range(5):
        a.tool("send_message", to="dave", message=f"to dave {i}")
        b.tool("send_message", to="carol", message=f"to carol {i}")
    a.wait_content("dave: to carol 4")
    b.wait_content("carol: to dave 4")
    assert a.contents() == [f"dave: to carol {i}" for i in range(5)]
    assert b.contents() == [f"carol: to dave {i}" for i in range(5)]
    wait_for(lambda: "to dave" not in b.tool("check_messages"), 10)
    assert "to dave" not in a.tool("check_messages", include_seen=True)


def test_the_reference_clients_variable(make, daemon, alice):
    path = token_file(daemon, "reference", alice.token)
    host = bridge(make, daemon, env={"CLAUDEMESH_IPC_TOKEN_FILE": str(path)})
    assert "alice (yourself)" in host.tool("list_peers")


def test_without_a_session_it_is_the_members(make, daemon, alice, bob,
                                             member_key):
    host = bridge(make, daemon, None, "--mesh", "local")
    n = host.wait_welcome()
    assert "without a session" in n["content"]
    assert n["meta"]["mesh_slug"] == "local"
    alice.send(bob, "not the member's")
    alice.send(member_key.pub, "the member's own")
    host.wait_content("alice: the member's own")
    assert host.contents() == ["alice: the member's own"]
    assert "alice" in host.tool("list_peers")
    host.tool("set_state", key="by-the-member", value=1)
    assert b"speaking as the member" in host.err


def test_no_secret_is_told(make, daemon, alice):
    host = bridge(make, daemon, alice)
    host.wait_welcome()
    host.tool("list_peers")
    assert alice.token.encode() not in b"".join(host.lines) + host.err


# --- a session that ends, or comes anew ---

def test_its_session_ends(make, daemon, api):
    """It says so, and goes; it does not go on as somebody else."""
    s = daemon.register("ending")
    host = bridge(make, daemon, s)
    host.wait_welcome()
    assert api.delete(f"/v1/sessions/{s.token}").status == 200
    n = host.wait_channel(kind="system")
    assert "has ended" in n["content"]
    assert host.wait_end() == 1
    assert b"the session has ended" in host.err


def test_its_session_is_registered_anew(make, daemon, alice):
    """With another token in the same file: it goes on with that."""
    r = daemon.ms("session", "register", "--name", "renewed", "--pid",
                  str(os.getpid()), "--json")
    host = make.keep(Host(daemon.argv("mcp", "--as", "renewed"), daemon.env))
    host.wait_welcome()
    daemon.ms("session", "register", "--name", "renewed", "--pid",
              str(os.getpid()))
    key = json.loads(r)["session_pubkey"]
    assert "renewed (yourself)" in host.tool("list_peers")
    alice.send(key, "after it")
    host.wait_content("alice: after it", deadline=30)
    assert host.p.poll() is None


# --- its end ---

def test_it_ends_with_its_input(make, daemon, alice):
    host = bridge(make, daemon, alice)
    host.p.stdin.close()
    assert host.wait_end(5) == 0


def test_what_was_asked_is_answered_before_it_ends(daemon, alice):
    """`printf ... | meshsup mcp`, the last line without its end."""
    path = token_file(daemon, "piped", alice.token)
    lines = [{"jsonrpc": "2.0", "id": 1, "method": "initialize",
              "params": {"protocolVersion": "2025-06-18"}},
             {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
              "params": {"name": "list_peers"}}]
    r = subprocess.run(
        daemon.argv("mcp"), text=True, capture_output=True,
        env={**daemon.env, "MESHSUP_TOKEN_FILE": str(path)},
        input="\n".join(json.dumps(x) for x in lines), timeout=30 * SLOW)
    out = [json.loads(x) for x in r.stdout.splitlines()]
    assert r.returncode == 0 and [m["id"] for m in out] == [1, 2]
    assert "alice" in out[1]["result"]["content"][0]["text"]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("stuck", [False, True])
def test_it_ends_with_its_parent(daemon, alice, stuck):
    """Though its input stays open, and even when nobody reads its output."""
    path = token_file(daemon, "orphan", alice.token)
    p = subprocess.Popen(
        ["sh", "-c", 'exec 3<&0; "$@" <&3 & echo $! >&2; wait', "sh",
         *daemon.argv("mcp")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**daemon.env,
                                     "MESHSUP_TOKEN_FILE": str(path)})
    pid = int(p.stderr.readline())
    try:
        line = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'
        p.stdin.write(line)
        p.stdin.flush()
        assert p.stdout.readline()
        if stuck:
            p.stdin.write(line * 100)       # more than the pipe holds
            p.stdin.flush()
        os.kill(p.pid, signal.SIGKILL)
        p.wait()
        wait_for(lambda: not is_alive(pid), 10)
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
        for f in p.stdin, p.stdout, p.stderr:
            f.close()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT,
                                 signal.SIGHUP])
def test_signals_end_it(make, daemon, alice, sig):
    host = bridge(make, daemon, alice)
    host.p.send_signal(sig)
    assert host.wait_end(5) == 0


def test_it_ends_when_nobody_can_read(make, daemon, alice):
    path = token_file(daemon, "deaf", alice.token)
    read, write = os.pipe()
    p = subprocess.Popen(daemon.argv("mcp"), stdin=subprocess.PIPE,
                         stdout=write, stderr=subprocess.DEVNULL,
                         env={**daemon.env, "MESHSUP_TOKEN_FILE": str(path)})
    os.close(write)
    os.close(read)
    try:
        assert p.wait(10 * SLOW) == 0
    finally:
        p.stdin.close()
        if p.poll() is None:
            p.kill()
            p.wait()


def test_a_host_that_hangs_up_unread(make, daemon, alice):
    """Its input closed, its output full: it does not wait for ever."""
    host = bridge(make, daemon, alice)
    host.may_be_cut = True
    host.reading.clear()
    line = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'
    host.write(line * 500)
    host.p.stdin.close()
    assert host.wait_end(10) == 0


# --- a daemon that is away ---

def test_no_daemon_yet(make):
    """It serves, says what is wrong, and is there when the daemon is."""
    daemon = make.daemon()
    s = daemon.register("early", pid=os.getpid())
    other = daemon.register("other")
    daemon.stop()
    host = bridge(make, daemon, s)
    assert host.hello["serverInfo"]["name"] == "meshsup"
    text = host.tool_error("list_peers")
    assert "not running" in text and "meshsup start" in text
    daemon.start()
    other.api.close()
    other.wait_open()
    s.wait_open()
    host.wait_welcome()
    other.send(s, "here again")
    host.wait_content("other: here again")


@pytest.mark.parametrize("turns", [IN_TURN, ["supervisor"] * 3],
                         ids=["all", "supervisor"])
def test_killed_in_turn(make, turns):
    """Every message is told once and in order, and marked, whatever dies."""
    daemon = make.daemon()
    alice, bob = daemon.register("alice"), daemon.register("bob")
    host = bridge(make, daemon, bob)
    host.wait_welcome()
    stop, asked = threading.Event(), []

    def ask():
        while not stop.wait(0.05):
            asked.append(host.tool_any("list_peers"))
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    traffic = Traffic(alice, bob, COUNT)
    for n, who in enumerate(turns):
        traffic.wait((n + 1) * COUNT // (len(turns) + 1))
        kill(daemon, who, alice, bob)
    traffic.finish()
    wait_for(lambda: len(host.contents()) >= COUNT, 60)
    stop.set()
    asker.join(60)
    traffic.check()
    told = [n["meta"]["client_message_id"] for n in host.channel()]
    assert told == traffic.ids
    wait_for(lambda: bob.inbox("unread_only=true&mark_seen=false") == [], 20)
    # Every request had an answer, and what died was never the bridge.
    assert asked and host.p.poll() is None
    assert "alice" in host.tool("list_peers")


def test_lost_before_the_first_message(make, daemon, alice):
    """A stream that breaks before it brought anything begins where it was."""
    s = daemon.register("late")
    s.inbox("limit=1000")
    host = bridge(make, daemon, s)
    host.wait_welcome()
    host.p.send_signal(signal.SIGSTOP)      # it cannot come back yet
    try:
        old = daemon.kill("gate")
        daemon.wait_restarted("gate", old)
        alice.api.close()
        alice.api.send_until_taken(s.pubkey, "while it was away", "away-1")
        wait_for(lambda: s.inbox("mark_seen=false"), 15)
    finally:
        host.p.send_signal(signal.SIGCONT)
    host.wait_content("alice: while it was away")
    assert host.contents() == ["alice: while it was away"]


# --- what nobody knows ---

@pytest.mark.parametrize("first, then, known", [
    (None, (503, {"error": "stopping", "detail": "It stops."}), False),
    (None, (429, {"error": "busy", "detail": "Later."}), False),
    (None, (400, {"error": "invalid_request", "detail": "No."}), True),
    ((503, {"error": "away", "detail": "Later."}),
     (503, {"error": "away", "detail": "Later."}), True),
])
def test_what_may_have_been_accepted(first, then, known):
    """A message whose answer was lost may be stored: it is not called refused
    as the attempts after it were."""
    ids = []

    def say(asked):
        if asked.path != "/v1/send":
            return 503, {"error": "away", "detail": "Later."}
        ids.append(asked.json["client_message_id"])
        return first if len(ids) == 1 else then

    gate = FakeGate(say)
    try:
        host = Host(gate.argv("mcp"), gate.env)
        try:
            text = host.tool_error("send_message", to="ab" * 32, message="x")
        finally:
            host.close()
    finally:
        gate.close()
    assert len(ids) > 1 and len(set(ids)) == 1, ids
    assert ("was not accepted" in text) is known, text
    assert (f'client_message_id "{ids[0]}"' in text) is not known, text
