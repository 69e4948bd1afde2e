"""Promise: a start with a host.key or a sessions.db that is not as it was
left is refused, with what to do about it, and changes nothing; never is a
fresh identity made in silence (issue, "Restart of the supervisor"; design.md,
"Keys").
"""

import os
import shutil
import sqlite3

import pytest

from harness import wait_for

root_only = pytest.mark.skipif(os.getuid() != 0,
                               reason="needs root to give files away")


@pytest.fixture
def daemon(make):
    return make.daemon()


def contents(daemon):
    """The files that say who we are."""
    found = {}
    for name in ("host.key", "sessions.db"):
        path = daemon.state_dir / name
        if path.is_file() and not path.is_symlink():
            found[name] = path.read_bytes()
    return found


def expect_refused(daemon, *words):
    """In one sentence, on stderr and in the log; nothing is changed, nobody
    is left running, and once it is undone everything is as it was."""
    daemon.expected_errors.append(words[0])
    before = contents(daemon)
    r = daemon.start_any()
    assert r.exit == 1, (r.exit, r.out, r.err)
    for w in words:
        assert w in r.err, r.err
    assert contents(daemon) == before
    daemon.wait_gone()
    assert daemon.command("status").returncode == 3


def with_session(daemon):
    s = daemon.register("alice")
    daemon.stop()
    return s


def expect_back(daemon, s):
    key = s.pubkey
    daemon.start()
    s.api.close()
    s.wait_open()
    assert s.me()["presence"]["sessionPubkey"] == key


def test_host_key_missing(daemon):
    s = with_session(daemon)
    path = daemon.state_dir / "host.key"
    path.rename(daemon.root / "aside")
    expect_refused(daemon, "host.key", "restore it from a backup",
                   "move the state directory away")
    assert not path.exists()
    # Nor when the sessions are gone with it: the messages are still there.
    sessions = daemon.state_dir / "sessions.db"
    sessions.rename(daemon.root / "sessions")
    expect_refused(daemon, "host.key", "restore it from a backup")
    assert not path.exists() and not sessions.exists()
    (daemon.root / "sessions").rename(sessions)
    (daemon.root / "aside").rename(path)
    expect_back(daemon, s)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_host_key_of_others(daemon, mode):
    s = with_session(daemon)
    path = daemon.state_dir / "host.key"
    path.chmod(mode)
    expect_refused(daemon, "host.key", "chmod 600")
    assert path.stat().st_mode & 0o777 == mode
    path.chmod(0o600)
    expect_back(daemon, s)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_host_key_of_another_size(daemon, size):
    s = with_session(daemon)
    path = daemon.state_dir / "host.key"
    right = path.read_bytes()
    path.write_bytes((right * 2)[:size])
    expect_refused(daemon, "host.key", "32 bytes", "backup")
    path.write_bytes(right)
    expect_back(daemon, s)


def test_host_key_of_another_host(make, daemon):
    """Neither the key nor the sessions of another state directory."""
    s = with_session(daemon)
    other = make.daemon()
    with_session(other)
    for name in "host.key", "sessions.db":
        mine = daemon.state_dir / name
        mine.rename(daemon.root / "aside")
        shutil.copy(other.state_dir / name, mine)
        expect_refused(daemon, "sessions.db", "another host.key", "backup")
        mine.unlink()
        (daemon.root / "aside").rename(mine)
    expect_back(daemon, s)


@root_only
@pytest.mark.parametrize("name", ["host.key", "sessions.db"])
def test_a_file_of_somebody_else(daemon, name):
    s = with_session(daemon)
    path = daemon.state_dir / name
    os.chown(path, 65534, 65534)
    expect_refused(daemon, name, "not a regular file of ours")
    os.chown(path, 0, 0)
    expect_back(daemon, s)


@pytest.mark.parametrize("name", ["host.key", "sessions.db"])
def test_a_link(daemon, name):
    s = with_session(daemon)
    path = daemon.state_dir / name
    path.rename(daemon.root / "aside")
    path.symlink_to(daemon.root / "aside")
    expect_refused(daemon, name)
    path.unlink()
    (daemon.root / "aside").rename(path)
    expect_back(daemon, s)


def spoil_text(path):
    path.write_bytes(b"this is no database\n" * 500)


def spoil_pages(path):
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at:at + 512] = b"\xa5" * 512
    path.write_bytes(data)


def sql(path, *texts):
    db = sqlite3.connect(path)
    for text in texts:
        db.execute(text)
    db.commit()
    db.close()


def spoil_foreign(path):
    path.unlink()
    sql(path, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("spoil, words", [
    (spoil_text, ["damaged", "restore it from a backup", "move it away"]),
    (spoil_pages, ["damaged", "backup", "move it away"]),
    (lambda p: sql(p, "UPDATE session SET uid = 'root'"),
     ["damaged", "backup", "move it away"]),
    (lambda p: sql(p, "DROP TABLE member"),
     ["no such table", "backup", "move it away"]),
    (spoil_foreign, ["not a registry of sessions", "move it away"]),
    (lambda p: sql(p, "PRAGMA user_version = 99"),
     ["newer meshsup", "version 99"]),
], ids=["text", "pages", "row", "table", "foreign", "newer"])
def test_sessions_db(daemon, spoil, words):
    s = with_session(daemon)
    path = daemon.state_dir / "sessions.db"
    right = path.read_bytes()
    spoil(path)
    expect_refused(daemon, "sessions.db", *words)
    path.write_bytes(right)
    expect_back(daemon, s)


def test_sessions_db_moved_away(daemon):
    """What the refusals advise: it is said, and the session is a new one."""
    s = with_session(daemon)
    key = s.pubkey
    (daemon.state_dir / "sessions.db").unlink()
    daemon.start()
    line = daemon.wait_log("sessions.db was not there")
    assert line["level"] == "warn"
    s.api.close()
    assert s.api.get("/v1/sessions/me").status == 401
    s.register()
    wait_for(lambda: s.state() == "open", 15)
    assert s.pubkey != key


def test_nothing_is_said_at_the_first_start(daemon):
    assert "was not there" not in daemon.log_text()
    for name in "host.key", "sessions.db":
        mode = (daemon.state_dir / name).stat().st_mode
        assert mode & 0o777 == 0o600
