"""Promise: at a real daemon, `send --wait` tells what became of a message, and
an inbox can be cleaned (delivery.md, sections 4 to 6; local-api.md).
"""

import pytest

from harness import Key, wait_for
from harness.keys import minted_id
from harness.shell import arrived, data, inbox, register

NOT_YET = 5


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    for name in "alice", "bob":
        register(d, name)
    return d


@pytest.mark.parametrize("until", ["sent", "delivered"])
def test_wait(daemon, until):
    out = daemon.ms("send", "--as", "alice", "bob", f"until {until}",
                    f"--wait={until}", "--timeout", "20")
    assert out.splitlines()[-1].split()[0] in (until, "delivered")
    if until == "delivered":
        assert arrived(daemon, "bob", f"until {until}")


def test_wait_for_one_who_is_away(daemon):
    r = daemon.command("send", "--as", "alice", Key().pub, "away",
                       "--wait", "--timeout", "2")
    assert r.returncode == NOT_YET, r
    assert "not yet sent" in r.stdout.splitlines()[-1]


def test_wait_for_one_that_is_aborted(daemon):
    cid = minted_id()
    run = daemon.keeper.spawn(daemon.argv(
        "send", "--as", "alice", "--id", cid, Key().pub, "x", "--wait",
        "--timeout", "30"), daemon.env)
    id = wait_for(lambda: [
        r["id"] for r in data(daemon, "outbox", "list", "--as", "alice")[
            "items"] if r["client_message_id"] == cid and r["attempts"]],
        15)[0]
    wait_for(lambda: daemon.command("outbox", "abort", "--as", "alice",
                                    id).returncode == 0, 10)
    assert run.wait(20) == 1
    assert f"aborted {cid}" in run.out


def test_cat_of_what_is_done(daemon):
    sent = data(daemon, "send", "--as", "alice", "bob", "wiped", "--wait")
    assert sent["status"] == "done"
    r = daemon.command("outbox", "cat", sent["id"], "--as", "alice")
    assert r.returncode == 1 and "wiped" in r.stderr and not r.stdout


def test_inbox_delete_and_flush(daemon):
    for i in range(3):
        daemon.ms("send", "--as", "bob", "alice", f"clean {i}", "--wait")
    items = wait_for(lambda: (lambda x: len(x) >= 3 and x)(
        inbox(daemon, "alice")), 15)
    id = items[0]["id"]
    assert id in daemon.ms("inbox", "--as", "alice", "--no-mark")
    assert daemon.ms("inbox", "delete", id, "--as", "alice") == "deleted 1\n"
    r = daemon.command("inbox", "delete", id, "--as", "alice")
    assert r.returncode == 1
    assert data(daemon, "inbox", "flush", "--as", "alice", "--before",
                "2001-01-01T00:00:00Z") == {"removed": 0}
    assert daemon.command("inbox", "flush", "--as",
                          "alice").returncode == 2
    others = {i["id"] for i in inbox(daemon, "bob")}
    gone = data(daemon, "inbox", "flush", "--all", "--as", "alice")
    assert gone["removed"] == len(items) - 1
    assert not inbox(daemon, "alice")
    # What was sent to bob before may still come.
    assert others <= {i["id"] for i in inbox(daemon, "bob")}


def test_quarantine(world):
    """What no key opens is kept, and shown only when that is asked for."""
    s, sender = world.register(), Key()
    s.conn().put(world.broker.direct(world.member.mesh_id, sender, Key().pub,
                                     "never text"))
    d = world.daemon
    token = d.root / "token"
    token.write_text(s.token + "\n")

    def inbox_of(*args):
        return d.ms("inbox", *args, "--token-file", str(token))
    out = wait_for(lambda: (lambda x: sender.pub in x and x)(
        inbox_of("--quarantine")), 15)
    assert "no key of yours opens it" in out and "never text" not in out
    assert inbox_of() == "no messages\n"
