"""Promise: meshsup starts and stops as an init script expects, says why it
did not start, and its exit codes are those of the LSB (design.md,
"Configuration and places"; issue point 3).
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import SLOW, binary, wait_for


def test_version(make):
    d = make.daemon(start=False)
    assert re.fullmatch(r"meshsup \d+\.\d+\.\d+\n", d.ms("version"))
    assert json.loads(d.ms("version", "--json"))["version"] in d.ms("version")


def test_help_names_every_verb(make):
    d = make.daemon(start=False)
    out = d.ms("help")
    for verb in ("start", "stop", "status", "session", "send", "inbox",
                 "outbox", "events", "peers", "broker", "version", "help"):
        assert re.search(rf"\b{verb}\b", out), verb
        assert d.ms("help", verb)
    r = subprocess.run([binary(), "--help"], capture_output=True, text=True)
    assert r.returncode == 0 and r.stdout


@pytest.mark.parametrize("args", [
    [], ["bogus"], ["send"], ["send", "x"], ["--bogus"], ["session"],
    ["session", "bogus"], ["session", "register"], ["inbox", "--limit", "x"],
    ["inbox", "--bogus"], ["outbox", "list", "--limit", "0"],
    ["status", "extra"], ["stop", "--timeout", "x"], ["help", "bogus"]])
def test_usage_errors(make, args):
    d = make.daemon(start=False)
    r = subprocess.run([binary(), *args], env=d.env, text=True,
                       capture_output=True, stdin=subprocess.DEVNULL,
                       timeout=30)
    assert r.returncode == 2, r
    assert r.stderr and "meshsup" in r.stderr


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


def test_start_says_where_it_is(make):
    d = make.daemon(start=False)
    r = d.start_any()
    assert r.exit == 0 and d.socket in r.out and not r.held
    assert json.loads(d.ms("status", "--json"))["state"] == "running"
    assert len(r.out) < 1000 and not r.err


def test_start_twice(make):
    """Already running is what was asked for: exit code 0, and no second."""
    d = make.daemon()
    before = {p["pid"] for p in d.keeper.processes()}
    r = d.start_any()
    assert r.exit == 0 and "already" in r.out
    assert {p["pid"] for p in d.keeper.processes()} == before


def test_two_starts_at_once(make):
    d = make.daemon(start=False)
    a = d.keeper.spawn(d.argv("start"), d.env)
    b = d.keeper.spawn(d.argv("start"), d.env)
    codes = {a.wait(30), b.wait(30)}
    assert 0 in codes
    # A child that has not called exec yet looks like its parent.
    wait_for(lambda: len([p for p in d.keeper.processes() if
                          p["argv"][0].endswith("supervisor")]) == 1)
    assert len([p for p in d.status()["processes"]
                if p["role"] == "store"]) == 1
    d.expected_errors.append("lock|running|use")


def test_start_while_the_old_one_dies(make):
    """Whoever holds the lock, and is gone before it answers, is no daemon
    that runs already, though its gate still answers; nor is it a start to
    wait for."""
    d = make.daemon()
    old = d.status()["pid"]
    os.kill(old, signal.SIGSTOP)
    run = d.keeper.spawn(d.argv("start"), d.env)
    # It has found the lock held, and asks.
    wait_for(lambda: any(os.readlink(f).startswith("socket:") for f in
                         pathlib.Path(f"/proc/{run.pid}/fd").iterdir()), 10)
    os.kill(old, signal.SIGKILL)
    assert run.wait(30) == 0, run.err
    assert d.status()["pid"] != old


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
    wait_for(lambda: d.command("status").returncode == 0 and
             d.status()["state"] == "running", 20)
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


def test_a_damaged_database_is_named(make):
    """The reason of the process that does not start, not only its name."""
    d = make.daemon()
    d.stop()
    for db in d.state_dir / "store" / "mesh.db", \
            d.state_dir / "broker" / "broker.db":
        good = db.read_bytes()
        db.write_bytes(b"no database" * 1000)
        d.expected_errors.append(db.name)
        r = d.start_any()
        assert r.exit == 1 and db.name in r.err, r.err
        d.wait_gone()
        db.write_bytes(good)
    d.start()
