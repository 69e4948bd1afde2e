"""Promise: the supervisor restarts what dies, ends everything when it ends,
runs beside others, shares a state directory with none, and gives a session
that is registered again its key, its rows and its inbox back (design.md
"Processes", "Who owns what", "Sessions"; delivery.md sections 5 and 8).
"""

import json
import os
import signal
import subprocess
import time

import pytest

from harness import SLOW, Key, wait_for


@pytest.fixture
def daemon(make):
    return make.daemon()


def talk(a, b, text):
    r = a.send(b, text)
    assert r.status == 202, r
    wait_for(lambda: text in [i["body"] for i in b.inbox()], 20, text)


def test_every_process_stands(daemon):
    alice = daemon.register("alice")
    s = daemon.status()
    assert s["state"] == "running" and s["version"]
    roles = [p["role"] for p in s["processes"]]
    assert sorted(roles) == ["broker", "gate", "member", "resolver",
                             "store", "supervisor", "worker"]
    pids = {p["pid"] for p in s["processes"]}
    programs = {p["pid"]: p["argv"][0] for p in daemon.keeper.processes()}
    assert pids == set(programs)
    for p in s["processes"]:
        assert p["restarts"] == 0 and p["uptime_s"] >= 0
        assert p["rss_kib"] > 0 and p["state"], p
        name = {"member": "worker"}.get(p["role"], p["role"])
        assert programs[p["pid"]].endswith(f"/libexec/meshsup/{name}"), p
    assert s["meshes"] == [{"slug": "local", "state": "open"}]
    assert s["sessions"]["open"] == 1
    assert daemon.process("worker", alice)["mesh"] == "local"


def test_the_version_is_in_the_first_line(daemon):
    version = daemon.status()["version"]
    started = daemon.wait_log(r"\bstarted\b")
    assert version in json.dumps(started)


def test_the_log_is_json_lines(daemon):
    daemon.register("alice")
    lines = daemon.log()
    assert len(lines) > 3
    for x in lines:
        assert {"ts", "level", "process", "msg"} <= set(x), x
        assert x["level"] in ("error", "warn", "info", "debug")
    assert os.stat(daemon.log_path).st_mode & 0o077 == 0


@pytest.mark.parametrize("role", ["store", "gate", "resolver", "broker",
                                  "member", "worker"])
def test_a_killed_child_is_restarted(daemon, role):
    alice, bob = daemon.register("alice"), daemon.register("bob")
    session = alice if role == "worker" else None
    talk(alice, bob, "before the kill")
    old = daemon.kill(role, session)
    begin = time.monotonic()
    fresh = daemon.wait_restarted(role, old, session)
    assert time.monotonic() - begin < 5 * SLOW
    assert fresh["restarts"] == 1
    daemon.wait_log(f"{old}|signal 9|[Kk]illed")
    for s in alice, bob:
        s.wait_open()
    talk(alice, bob, "there after the kill")
    talk(bob, alice, "back after the kill")
    others = [p for p in daemon.processes() if p["pid"] != fresh["pid"]]
    assert all(p["restarts"] == 0 for p in others), others


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGABRT])
def test_other_ends_are_restarts_too(daemon, sig):
    alice, bob = daemon.register("alice"), daemon.register("bob")
    old = daemon.kill("store", sig=sig)
    daemon.wait_restarted("store", old)
    talk(alice, bob, "after that signal")


def test_a_process_that_stands_still_holds_nobody_else(daemon):
    """Promise 5: a stopped worker delays only its session."""
    alice, bob, carol = (daemon.register(n) for n in ("a", "b", "c"))
    pid = daemon.kill("worker", alice, signal.SIGSTOP)
    try:
        talk(bob, carol, "past the sleeper")
        assert alice.send(bob, "for later").status == 202
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: "for later" in [i["body"] for i in bob.inbox()], 20)


# --- the end ---

def test_sigterm_ends_everything_within_five_seconds(daemon):
    for n in "abc":
        daemon.register(n)
    os.kill(daemon.status()["pid"], signal.SIGTERM)
    daemon.wait_gone(5)
    assert not os.path.exists(daemon.socket)
    assert daemon.command("status").returncode == 3


def test_stop_with_a_child_that_does_not_listen(daemon):
    """First told, then killed."""
    alice = daemon.register("alice")
    daemon.kill("worker", alice, signal.SIGSTOP)
    daemon.kill("store", None, signal.SIGSTOP)
    daemon.expected_errors.append("store|worker|kill")
    daemon.stop(deadline=6)


def test_kill_of_the_supervisor_leaves_nobody(daemon):
    daemon.register("alice")
    daemon.register("bob")
    supervisor = daemon.status()["pid"]
    os.kill(supervisor, signal.SIGKILL)
    daemon.wait_gone(5)
    r = daemon.command("status")
    assert r.returncode in (1, 3), r
    daemon.start()
    assert daemon.status()["pid"] != supervisor


def test_what_was_accepted_survives_a_kill_of_the_supervisor(daemon):
    """Promise 1; the session comes back by registering it again."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    os.kill(daemon.pid("broker"), signal.SIGSTOP)
    for i in range(20):
        assert alice.send(bob, f"accepted {i}").status == 202
    os.kill(daemon.status()["pid"], signal.SIGKILL)
    daemon.wait_gone(5)
    daemon.start()
    for s in alice, bob:
        s.register()
        s.wait_open()
    wait_for(lambda: len(bob.inbox()) == 20, 30)
    assert [i["body"] for i in reversed(bob.inbox())] == [
        f"accepted {i}" for i in range(20)]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_sessions_outlive_the_supervisor(daemon, how):
    """Fault 15: whose process lives is back, with its token, its key and its
    inbox, without anyone registering again; whose process does not is not."""
    owner = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        alice, bob = daemon.register("alice"), daemon.register("bob")
        gone = daemon.register("gone", pid=owner.pid)
        talk(alice, bob, "from the first life")
        key = bob.pubkey
        if how == "stop":
            daemon.stop()
        else:
            os.kill(daemon.status()["pid"], signal.SIGKILL)
            daemon.wait_gone()
    finally:
        owner.stdin.close()
        owner.wait()
    daemon.start()
    for s in alice, bob:
        s.wait_open()
    assert bob.me()["presence"]["sessionPubkey"] == key
    assert [i["body"] for i in bob.inbox()] == ["from the first life"]
    talk(alice, bob, "in the second life")
    wait_for(lambda: gone.api.get("/v1/sessions/me").status == 401, 5)
    assert gone.send(bob, "from the dead").status == 401


# --- the same session again ---

def test_registered_again_after_a_restart(daemon):
    """(uid, mesh, session_id) gets its key, its rows and its inbox back."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    talk(alice, bob, "from the first life")
    absent = Key().pub
    alice.send(absent, "open row of the first life", client_message_id="c1")
    bob.inbox("")                 # marks it seen
    with bob.events() as events:
        talk(alice, bob, "the last before the stop")
        last = events.wait().id
    keys = alice.pubkey, bob.pubkey
    daemon.stop()
    daemon.start()
    new_alice = daemon.register("alice", session_id=alice.session_id)
    new_bob = daemon.register("bob", session_id=bob.session_id)
    assert (new_alice.pubkey, new_bob.pubkey) == keys
    items = new_bob.inbox()
    assert [i["body"] for i in items] == ["the last before the stop",
                                          "from the first life"]
    assert [bool(i["seen_at"]) for i in items] == [False, True]
    row, = [r for r in new_alice.outbox() if r["client_message_id"] == "c1"]
    assert row["status"] == "pending"
    r = new_alice.send(absent, "another body", client_message_id="c1")
    assert r.status == 409
    with new_bob.events(last_id=last) as events:
        talk(new_alice, new_bob, "in the second life")
        events.wait()
        assert [e.data["body"] for e in events.messages()] == [
            "in the second life"]


def test_ended_and_registered_again(daemon):
    """Its key and inbox stay for the retention."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    talk(alice, bob, "kept for you")
    assert daemon.api().delete(f"/v1/sessions/{bob.token}").status == 200
    # The broker knows the key: what is sent meanwhile waits there.
    again = daemon.register("bob", session_id=bob.session_id)
    assert again.pubkey == bob.pubkey
    assert [i["body"] for i in again.inbox()] == ["kept for you"]
    talk(alice, again, "and a new one")


def test_another_key_is_another_session(daemon):
    alice = daemon.register("alice")
    file, = (daemon.state_dir / "meshes.d").glob("*.json")
    m = json.loads(file.read_text())
    from harness import Member
    member = Member(m["meshId"], m["memberId"], key=Key(
        bytes.fromhex(m["secretKey"])[:32]))
    bob = daemon.register("bob")
    talk(alice, bob, "to the first key")
    key = Key()
    daemon.secrets.add(key.secret)
    a = member.attest(key.pub)
    other = daemon.register("bob", session_id=bob.session_id, presence={
        "session_pubkey": key.pub, "session_secret_key": key.secret,
        "parent_attestation": {
            "session_pubkey": key.pub,
            "parent_member_pubkey": member.key.pub,
            "expires_at": a["expiresAt"], "signature": a["signature"]}})
    assert other.pubkey == key.pub != bob.pubkey
    assert other.inbox() == []
    assert bob.api.get("/v1/sessions/me").status == 401
    talk(alice, other, "to the second key")


# --- beside others ---

def test_two_supervisors_side_by_side(make):
    one, two = make.daemon(), make.daemon()
    a1, b1 = one.register("a"), one.register("b")
    a2, b2 = two.register("a"), two.register("b")
    talk(a1, b1, "in the first")
    talk(a2, b2, "in the second")
    assert "in the second" not in [i["body"] for i in b1.inbox()]
    assert one.api(a2.token).get("/v1/sessions/me").status == 401
    one.stop()
    talk(a2, b2, "the second goes on")


def test_the_same_state_directory_is_refused(make, daemon):
    other = make.daemon(start=False)
    argv = other.argv("start")
    argv[argv.index("--state-dir") + 1] = str(daemon.state_dir)
    r = other.keeper.run(argv, other.env)
    assert r.exit == 1, (r.exit, r.out, r.err)
    assert str(daemon.state_dir) in r.err or "state" in r.err, r.err
    assert re_pid(r.err) or "running" in r.err or "use" in r.err, r.err
    other.wait_gone()
    assert daemon.status()["state"] == "running"
    alice, bob = daemon.register("alice"), daemon.register("bob")
    talk(alice, bob, "undisturbed")


def re_pid(text):
    return any(w.strip("(),.").isdigit() for w in text.split())


def test_many_sessions(daemon):
    sessions = [daemon.register(f"s{i}", wait_open=False) for i in range(20)]
    for s in sessions:
        s.wait_open(30)
    hub = sessions[0]
    hub.send("*", "to nineteen")
    for s in sessions[1:]:
        wait_for(lambda: "to nineteen" in [i["body"] for i in s.inbox()], 20)
    assert len(daemon.processes("worker")) == 20
    pids = {p["pid"] for p in daemon.processes("worker")}
    assert len(pids) == 20
