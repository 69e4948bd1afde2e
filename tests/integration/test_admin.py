"""Promise: the operator's scope is everything, and is only to be had on
admin.sock, which nobody else can open (local-api.md, "Who is asking", rules 2
and 4; `meshsup --admin`, GET /metrics).
"""

import os
import re
import stat

import pytest

from harness import Events, Key, wait_for
from harness.asserts import is_error
from harness.shell import arrived, data, register


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    for name in "alice", "bob":
        register(d, name)
    return d


@pytest.fixture(scope="module")
def mail(daemon):
    """A message of each kind: to a session, to nobody that is there."""
    daemon.ms("send", "--as", "alice", "bob", "for bob only", "--wait")
    item = arrived(daemon, "bob", "for bob only")[0]
    away = data(daemon, "send", "--as", "alice", Key().pub, "waits")
    return item, away


def admin(daemon, *args):
    return data(daemon, *args, "--admin")


def test_the_socket_is_private(daemon):
    assert stat.S_IMODE(os.stat(daemon.admin_socket).st_mode) == 0o600


def test_every_listing(daemon, mail):
    item, away = mail
    assert {"alice", "bob"} <= {
        s["displayName"] for s in admin(daemon, "session", "list")["sessions"]}
    rows = admin(daemon, "inbox")["items"]
    assert item["id"] in [i["id"] for i in rows]
    rows = admin(daemon, "outbox", "list")["items"]
    assert away["id"] in [r["id"] for r in rows]
    row = admin(daemon, "outbox", "show", away["id"])
    assert row["id"] == away["id"] and "body" not in row
    assert {daemon.alice, daemon.bob} <= {
        p["pubkey"] for p in admin(daemon, "peers")["peers"]}
    assert [m["slug"] for m in admin(daemon, "status")["meshes"]] == ["local"]
    # It may stand before the verb, and tables are for people.
    assert "bob" in daemon.ms("--admin", "session", "list")
    # Without it, nothing of another session's.
    mine = data(daemon, "inbox", "--no-mark")["items"]
    assert item["id"] not in [i["id"] for i in mine]


def test_nothing_is_marked(daemon, mail):
    admin(daemon, "inbox")
    item = arrived(daemon, "bob", "for bob only")[0]
    assert item["seen_at"] is None


def test_operators_may_operate(daemon, mail):
    _, away = mail

    def hold():
        return admin(daemon, "outbox", "hold", away["id"])["changed"] == 1
    wait_for(hold, 15)
    row = data(daemon, "outbox", "show", away["id"], "--as", "alice")
    assert row["held"] is True


def test_what_does_not_go_with_it(daemon):
    for args in (("inbox", "--as", "bob"), ("inbox", "--socket", "/x"),
                 ("send", "bob", "x"), ("inbox", "flush", "--all"),
                 ("start",)):
        r = daemon.command(*args, "--admin")
        assert r.returncode == 2, r


def test_the_environment_names_no_session(daemon, mail):
    """A token there is not what the operator speaks for."""
    (daemon.root / "token").write_text("0" * 64 + "\n")
    r = daemon.command("inbox", "--admin", "--json", env={
        "MESHSUP_TOKEN_FILE": str(daemon.root / "token")})
    assert r.returncode == 0 and mail[0]["id"] in r.stdout


def test_events_of_all(daemon):
    with Events(daemon.api(admin=True)) as events:
        daemon.ms("send", "--as", "bob", "alice", "seen by the operator")
        e = events.wait(
            where=lambda e: e.data["body"] == "seen by the operator")
        assert e.data["recipient_pubkey"] == daemon.alice
