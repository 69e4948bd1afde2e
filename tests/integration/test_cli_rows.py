"""Promise: what a person does at a shell to messages works on a real daemon:
sending by name, looking at rows, holding, releasing, aborting and requeueing
them (delivery.md, sections 3 to 6).
"""

import json
import pathlib

import pytest

from harness import Key, prefix, wait_for
from harness.keys import minted_id
from harness.shell import arrived, data, register, row, waiting


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    for name in "alice", "bob", "twin":
        register(d, name)
    return d


def test_by_name_and_by_prefix(daemon):
    out = daemon.ms("send", "--as", "alice", "bob", "hello, bob")
    assert daemon.bob in out
    arrived(daemon, "bob", "hello, bob")
    out = daemon.ms("send", "--as", "alice", daemon.bob[:8], "hello, 8")
    assert daemon.bob in out
    arrived(daemon, "bob", "hello, 8")


def test_nobody_and_several(daemon):
    r = daemon.command("send", "--as", "alice", "nobody-there", "x")
    assert r.returncode == 1 and "meshsup peers" in r.stderr
    first = daemon.twin
    register(daemon, "twin", "--token-file", str(daemon.root / "twin2"),
             "--session-id", minted_id())
    assert daemon.twin != first
    # A roster that is not yet 5 s old may still know one of them only.
    r = wait_for(lambda: (lambda r: r.returncode == 1 and r)(
        daemon.command("send", "--as", "alice", "twin", "x")), 15)
    assert "ambiguous_target" in r.stderr
    assert first in r.stderr and daemon.twin in r.stderr
    r = daemon.command("send", "--as", "alice", "twin", "x", "--json")
    keys = {c["pubkey"] for c in json.loads(r.stdout)["candidates"]}
    assert keys == {first, daemon.twin}


def test_show_and_cat(daemon):
    text = "the text\n\x1b[1m✓"
    id = waiting(daemon, text)
    out = daemon.ms("outbox", "show", id, "--as", "alice")
    assert id in out and "attempts" in out and "    the text\n" in out
    assert set(row(daemon, id)) <= set(out.split())
    assert daemon.ms("outbox", "cat", id, "--as", "alice") == text
    for verb in "show", "cat":
        r = daemon.command("outbox", verb, id, "--as", "bob")
        assert r.returncode == 1 and "row_not_found" in r.stderr


def test_hold_release_abort(daemon):
    id = waiting(daemon)

    def do(verb):
        r = wait_for(lambda: (lambda r: "moment" not in r.stderr and r)(
            daemon.command("outbox", verb, "--as", "alice", id)), 10)
        assert r.returncode == 0 and id in r.stdout, r
    do("hold")
    assert row(daemon, id)["held"] is True
    assert "(held)" in daemon.ms("outbox", "list", "--as", "alice")
    do("release")
    assert row(daemon, id)["held"] is False
    do("abort")
    end = row(daemon, id)
    assert end["status"] == "aborted" and end["aborted_by"]
    r = daemon.command("outbox", "hold", "--as", "alice", id, "nonsense")
    assert r.returncode == 1 and not r.stdout
    assert f"{id}: it has ended: aborted" in r.stderr
    assert "nonsense: no such row" in r.stderr


def test_others_rows_are_not_changed(daemon):
    id = waiting(daemon)
    r = daemon.command("outbox", "abort", "--as", "bob", id)
    assert r.returncode == 1 and "no such row" in r.stderr
    assert row(daemon, id)["status"] in ("pending", "inflight")


def test_requeue_to_another(daemon):
    id, cid = waiting(daemon, "meant for bob"), minted_id()
    out = wait_for(lambda: (lambda r: r.returncode == 0 and r.stdout)(
        daemon.command("outbox", "requeue", "--as", "alice", "--to", "bob",
                       "--id", cid, id)), 10)
    assert id in out and cid in out
    item, = arrived(daemon, "bob", "meant for bob")
    assert item["client_message_id"] == cid and item["encrypted"] is True
    old = row(daemon, id)
    assert old["status"] == "aborted" and old["superseded_by"] in out


def test_first_session_of_the_readme(make):
    """Its lines do what they say, one right behind the other."""
    readme = pathlib.Path(__file__).parents[2] / "README.md"
    section = readme.read_text().split("## A first session")[1]
    lines = [x[4:] for x in section.split("\n\n")[1].splitlines()]
    assert len(lines) == 5 and lines[0] == "meshsup start"
    d = make.daemon(start=False)
    env = {**d.env, "MESHSUP_CONFIG": str(d.config), "MESHSUP_STATE_DIR":
           str(d.state_dir), "MESHSUP_RUN_DIR": str(d.run_dir),
           "PATH": f"{prefix()}/bin:/usr/bin:/bin"}
    # The sessions live as long as this shell.
    lines.append("until meshsup inbox --as bob --no-mark | "
                 "grep 'hello, bob'; do sleep 0.1; done")
    r = d.keeper.run(["/bin/sh", "-ec", "\n".join(lines)], env)
    assert r.exit == 0 and not r.err, r.err
    assert r.out.splitlines()[-1].strip() == "hello, bob"
