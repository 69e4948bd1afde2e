"""Promise: the meshsup command says what it did, for people and as JSON, and
its exit codes are those that scripts rely on (local-api.md, "What the command
prints as JSON"; design.md, "Configuration and places").
"""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import SLOW, Key, binary, wait_for
from harness.keys import minted_id


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    # Verbs that register a session name its process: this one.
    d.me = ["--pid", str(os.getpid())]
    for name in "alice", "bob":
        out = d.ms("session", "register", "--name", name, "--mesh", "local",
                   *d.me, "--json")
        answer = json.loads(out)
        assert answer["ok"] is True
        setattr(d, name, answer["session_pubkey"])
        token = open(answer["token_file"]).read().split()[0]
        assert os.stat(answer["token_file"]).st_mode & 0o077 == 0
        d.secrets.add(token)
        a = d.api(token)
        wait_for(lambda: a.get("/v1/sessions/me").json["session"]["state"]
                 == "open", 15)
    return d


def data(daemon, *args, **kw):
    return json.loads(daemon.ms(*args, "--json", **kw))


def inbox(daemon, name):
    return data(daemon, "inbox", "--as", name, "--no-mark")["items"]


def test_version(daemon):
    assert re.fullmatch(r"meshsup \d+\.\d+\.\d+\n", daemon.ms("version"))
    assert data(daemon, "version")["version"] in daemon.ms("version")


def test_help_names_every_verb(daemon):
    out = daemon.ms("help")
    for verb in ("start", "stop", "status", "session", "send", "inbox",
                 "outbox", "events", "peers", "broker", "version", "help"):
        assert re.search(rf"\b{verb}\b", out), verb
        assert daemon.ms("help", verb)
    r = subprocess.run([binary(), "--help"], capture_output=True, text=True)
    assert r.returncode == 0 and r.stdout


@pytest.mark.parametrize("args", [
    [], ["bogus"], ["send"], ["send", "x"], ["--bogus"], ["session"],
    ["session", "bogus"], ["session", "register"], ["inbox", "--limit", "x"],
    ["inbox", "--bogus"], ["outbox", "list", "--limit", "0"],
    ["status", "extra"], ["stop", "--timeout", "x"], ["help", "bogus"]])
def test_usage_errors(daemon, args):
    r = subprocess.run([binary(), *args], env=daemon.env, text=True,
                       capture_output=True, stdin=subprocess.DEVNULL,
                       timeout=30)
    assert r.returncode == 2, r
    assert r.stderr and "meshsup" in r.stderr


def test_status(daemon):
    out = daemon.ms("status")
    for word in ("supervisor", "store", "gate", "resolver", "broker",
                 "member", "worker", "local"):
        assert word in out, word
    s = data(daemon, "status")
    assert s["state"] == "running"
    for p in s["processes"]:
        assert {"role", "pid", "state", "uptime_s", "restarts",
                "rss_kib"} <= set(p)
        assert str(p["pid"]) in out


def test_status_of_nothing(make):
    d = make.daemon(start=False)
    r = d.command("status")
    assert r.returncode == 3 and "stopped" in r.stdout
    r = d.command("status", "--json")
    assert r.returncode == 3
    assert json.loads(r.stdout) == {"state": "stopped"}
    for verb in (["inbox"], ["peers"], ["session", "list"],
                 ["outbox", "list"], ["send", "*", "hello"]):
        r = d.command(*verb)
        assert r.returncode == 3, (verb, r)
        assert "not running" in r.stderr and "start" in r.stderr
    r = d.command("stop")
    assert r.returncode == 0, r


def test_status_after_a_kill(make):
    """LSB: dead, and the lock or pid file is left."""
    d = make.daemon()
    os.kill(d.status()["pid"], signal.SIGKILL)
    d.wait_gone()
    assert d.command("status").returncode == 1


def test_send_and_inbox(daemon):
    cid = minted_id()
    out = daemon.ms("send", "--as", "alice", "--id", cid, daemon.bob,
                    "from the command line")
    assert cid in out and "queued" in out
    wait_for(lambda: [i for i in inbox(daemon, "bob")
                      if i["client_message_id"] == cid], 10)
    r = data(daemon, "send", "--as", "alice", "--id", cid, daemon.bob,
             "from the command line")
    assert r["client_message_id"] == cid
    r = daemon.command("send", "--as", "alice", "--id", cid, daemon.bob,
                       "something else")
    assert r.returncode == 1 and "idempotency_key_reused" in r.stderr
    out = daemon.ms("inbox", "--as", "bob")
    assert "from the command line" in out and "alice" in out
    assert " new" not in daemon.ms("inbox", "--as", "bob")


def test_send_from_stdin(daemon):
    text = "line one\n\tline two ✓\n"
    daemon.ms("send", "--as", "alice", daemon.bob, "-", stdin=text)
    wait_for(lambda: text in [i["body"] for i in inbox(daemon, "bob")], 10)


def test_broadcast(daemon):
    daemon.ms("send", "--as", "bob", "*", "to everyone there")
    item = wait_for(lambda: [i for i in inbox(daemon, "alice") if i["body"]
                             == "to everyone there"], 10)[0]
    assert item["authenticated"] is False
    assert "unverified" in daemon.ms("inbox", "--as", "alice")


def test_control_characters_stay_data(daemon):
    """A message cannot pose as output of the command, or drive a terminal."""
    daemon.ms("send", "--as", "alice", daemon.bob,
              "\x1b[2J\x1b]0;owned\x07 tame\nmeshsup: fake line")
    wait_for(lambda: [i for i in inbox(daemon, "bob")
                      if "tame" in i["body"]], 10)
    out = daemon.ms("inbox", "--as", "bob")
    assert "\x1b" not in out and "\x07" not in out
    assert "\nmeshsup: fake line" not in out


def test_refusals(daemon):
    r = daemon.command("send", "--as", "alice", daemon.alice, "to me")
    assert r.returncode == 1 and "own_key" in r.stderr
    r = daemon.command("send", "--as", "nobody", daemon.bob, "x")
    assert r.returncode == 1 and "register" in r.stderr
    r = daemon.command("send", "--as", "alice", daemon.bob, "x" * 70000)
    assert r.returncode == 1 and "413" in r.stderr
    r = daemon.command("session", "register", "--name", "x", "--mesh", "zz",
                       *daemon.me)
    assert r.returncode == 1 and "mesh_not_attached" in r.stderr
    r = daemon.command("session", "register", "--name", "x", "--pid",
                       "4000000")
    assert r.returncode == 1 and "pid_not_yours" in r.stderr


def test_outbox_list(daemon):
    absent = Key().pub
    daemon.ms("send", "--as", "alice", "--priority", "low", absent, "waits")
    row = wait_for(lambda: [
        r for r in data(daemon, "outbox", "list", "--as", "alice")["items"]
        if r["to"] == absent], 10)[0]
    assert row["status"] in ("pending", "inflight")
    assert row["priority"] == "low"
    out = daemon.ms("outbox", "list", "--as", "alice")
    assert absent[:16] in out
    done = data(daemon, "outbox", "list", "--as", "alice", "--status",
                "done")["items"]
    assert done and all(r["status"] == "done" for r in done)


def test_peers(daemon):
    out = daemon.ms("peers", "--as", "alice")
    assert "alice" in out and "bob" in out
    rows = data(daemon, "peers", "--as", "alice")["peers"]
    assert {daemon.alice, daemon.bob} <= {p["pubkey"] for p in rows}
    assert all(p["peerRole"] != "control-plane" for p in rows)
    rows = data(daemon, "peers", "--as", "alice", "--all")["peers"]
    assert any(p["peerRole"] == "control-plane" for p in rows)


def test_session_list_and_end(daemon):
    daemon.ms("session", "register", "--name", "brief", *daemon.me)
    rows = data(daemon, "session", "list")["sessions"]
    names = {s["displayName"]: s for s in rows}
    assert {"alice", "bob", "brief"} <= set(names)
    assert "brief" in daemon.ms("session", "list")
    key = names["brief"]["presence"]["sessionPubkey"]
    assert data(daemon, "session", "end", "brief")["ok"] is True
    r = daemon.command("session", "end", "brief")
    assert r.returncode == 1, r
    again = data(daemon, "session", "register", "--name", "brief",
                 *daemon.me)
    assert again["session_pubkey"] == key


def test_register_takes_the_parent_by_default(daemon):
    """`meshsup session register` registers its parent shell."""
    shell = subprocess.Popen(
        ["/bin/sh", "-c", '"$@" && read x', "sh", *daemon.argv(
            "session", "register", "--name", "shell", "--json")],
        env=daemon.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True)
    answer = json.loads(shell.stdout.readline())
    rows = data(daemon, "session", "list")["sessions"]
    row, = [s for s in rows if s["sessionId"] == answer["session_id"]]
    assert row["pid"] == shell.pid
    shell.communicate("\n", timeout=20)
    wait_for(lambda: not [
        s for s in data(daemon, "session", "list")["sessions"]
        if s["sessionId"] == answer["session_id"]
        and s["state"] not in ("ended", "draining")], 5)


def test_events(daemon):
    run = daemon.keeper.spawn(
        daemon.argv("events", "--as", "bob", "--json"), daemon.env)
    # Before the stream is open nothing would be seen: send until it is.
    def seen(out):
        daemon.ms("send", "--as", "alice", daemon.bob, "on the stream")
        return "on the stream" in out
    wait_for(lambda: seen(run.out), 15)
    lines = [json.loads(x) for x in run.out.splitlines()]
    messages = [x for x in lines if x["event"] == "message"]
    assert messages[0]["data"]["body"] == "on the stream"
    assert messages[0]["id"]
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(10) == 0


def test_events_outlive_the_gate(daemon):
    run = daemon.keeper.spawn(
        daemon.argv("events", "--as", "bob", "--json"), daemon.env)

    def bodies():
        return [x["data"]["body"] for x in map(
            json.loads, run.out.splitlines()) if x["event"] == "message"]

    def ping():
        daemon.ms("send", "--as", "alice", daemon.bob, "hello stream")
        return "hello stream" in bodies()
    wait_for(ping, 15)
    old = daemon.kill("gate")
    daemon.wait_restarted("gate", old)
    for i in range(10):
        daemon.ms("send", "--as", "alice", daemon.bob, f"after gate {i}")
    wait_for(lambda: "after gate 9" in bodies(), 20)
    assert [b for b in bodies() if b.startswith("after gate")] == [
        f"after gate {i}" for i in range(10)]
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait(10) == 0


# --- start and stop ---

def test_start_says_where_it_is(make):
    d = make.daemon(start=False)
    r = d.start_any()
    assert r.exit == 0 and d.socket in r.out and not r.held
    assert json.loads(d.ms("status", "--json"))["state"] == "running"
    assert len(r.out) < 1000 and not r.err


def test_start_twice(make):
    """Already running is what was asked for: exit code 0, and no second."""
    d = make.daemon()
    before = d.keeper.processes()
    r = d.start_any()
    assert r.exit == 0 and "already" in r.out
    assert d.keeper.processes() == before


def test_two_starts_at_once(make):
    d = make.daemon(start=False)
    a = d.keeper.spawn(d.argv("start"), d.env)
    b = d.keeper.spawn(d.argv("start"), d.env)
    codes = {a.wait(30), b.wait(30)}
    assert 0 in codes
    assert len([p for p in d.keeper.processes()
                if p["argv"][0].endswith("supervisor")]) == 1
    assert len([p for p in d.status()["processes"]
                if p["role"] == "store"]) == 1
    d.expected_errors.append("lock|running|use")


@pytest.mark.parametrize("config,word", [
    ("[daemon]\nlog_level = loud\n", "log_level"),
    ("[bogus]\nx = 1\n", "bogus"),
    ("[broker]\nmax_connections = 0\n", "max_connections"),
    ("no ini at all\n", ":1")])
def test_a_wrong_configuration_is_named(make, config, word):
    """Exit code 1, with file and line on stderr, and nothing left."""
    d = make.daemon(config=config, start=False)
    r = d.start_any()
    assert r.exit == 1, (r.exit, r.out, r.err)
    assert str(d.config) in r.err and word in r.err, r.err
    d.wait_gone()
    assert d.command("status").returncode == 3


def test_a_start_that_fails_says_why(make):
    d = make.daemon(start=False)
    d.state_dir.write_text("a file where a directory should be")
    r = d.start_any()
    assert r.exit == 1 and str(d.state_dir) in r.err, r.err
    d.wait_gone()
    d.state_dir.unlink()


def test_a_port_in_use_is_named(make):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    d = make.daemon(config=f"[broker]\nlisten = 127.0.0.1:{port}\n",
                    start=False)
    d.expected_errors.append(str(port))
    r = d.start_any()
    assert r.exit == 1 and str(port) in r.err, (r.exit, r.out, r.err)
    d.wait_gone()
    taken.close()


def test_a_broken_mesh_file_is_named(make):
    d = make.daemon(start=False)
    folder = d.state_dir / "meshes.d"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "broken.json").write_text('{"meshId": "x"')
    (folder / "broken.json").chmod(0o600)
    d.expected_errors.append("broken.json")
    r = d.start_any()
    assert "broken.json" in r.err + d.log_text(), (r.exit, r.err)


def test_foreground(make):
    d = make.daemon(start=False)
    run = d.keeper.spawn(d.argv("start", "--foreground"), d.env)
    wait_for(lambda: d.command("status").returncode == 0, 20)
    assert d.status()["pid"] == run.pid
    alice = d.register("alice")
    assert alice.state() == "open"
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait(10 * SLOW) == 0
    d.wait_gone()


def test_stop(make):
    """All processes gone within 5 s, and it says so."""
    d = make.daemon()
    for n in "ab":
        d.register(n)
    out = d.command("stop")
    assert out.returncode == 0 and "stopped" in out.stdout
    d.wait_gone(0.5)
    r = d.command("status")
    assert r.returncode == 3
    d.start()               # and it starts again where it was
    assert d.status()["state"] == "running"


def test_stop_is_heard_while_starting(make):
    d = make.daemon(start=False)
    run = d.keeper.spawn(d.argv("start"), d.env)
    wait_for(lambda: d.command("status").returncode != 3, 20, interval=0.001)
    d.command("stop")
    run.wait(30)
    d.wait_gone(6)


def test_environment_names_the_places(make):
    d = make.daemon(start=False)
    env = {**d.env, "MESHSUP_CONFIG": str(d.config), "MESHSUP_STATE_DIR":
           str(d.state_dir), "MESHSUP_RUN_DIR": str(d.run_dir)}
    r = d.keeper.run([binary(), "start"], env)
    assert r.exit == 0, r.err
    assert d.status()["state"] == "running"
    assert os.path.exists(d.socket)
