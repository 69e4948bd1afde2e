"""Promise: the meshsup command says what it did, for people and as JSON, and
its exit codes are those that scripts rely on (local-api.md, "What the command
prints as JSON"; design.md, "Configuration and places").
"""

import json
import os
import signal
import subprocess

import pytest

from harness import Key, wait_for
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


def test_marked_as_seen_by_id(daemon):
    for text in "see me", "and me":
        daemon.ms("send", "--as", "alice", daemon.bob, text)
    items = wait_for(lambda: (lambda i: len(i) == 2 and i)(
        [i for i in inbox(daemon, "bob") if i["body"] in ("see me",
                                                          "and me")]), 10)
    ids = [i["id"] for i in items]
    assert not any(i["seen_at"] for i in items)
    assert daemon.ms("inbox", "seen", *ids, "none", "--as", "bob") == \
        "marked 2 as seen\n"
    assert all(i["seen_at"] for i in inbox(daemon, "bob")
               if i["id"] in ids)
    assert data(daemon, "inbox", "seen", *ids, "--as",
                "alice") == {"marked_seen": 0}


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
        return "on the stream" in out and out.endswith("\n")
    wait_for(lambda: seen(run.out), 15)
    lines = [json.loads(x) for x in run.out.split("\n")[:-1]]
    message = [x for x in lines if x["event"] == "message" and
               x["data"]["body"] == "on the stream"][0]
    assert message["id"]
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(10) == 0


def test_events_outlive_the_gate(daemon):
    run = daemon.keeper.spawn(
        daemon.argv("events", "--as", "bob", "--json"), daemon.env)

    def bodies():
        return [x["data"]["body"] for x in map(
            json.loads, run.out.split("\n")[:-1]) if x["event"] == "message"]

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
