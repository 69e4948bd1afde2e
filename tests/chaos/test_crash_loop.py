"""Promise: a session whose worker dies over and over is parked, says how it
died, with what status and which last words, and comes back when a person
resumes it; the others do not notice (issue, "Crash loops"; design.md,
"Sessions").
"""

import os
import signal

import pytest

from harness import wait_for
from tree import Tree

DIES = """#!/bin/sh
echo "cannot live like this" >&2
exit 3
"""


@pytest.fixture
def tree(monkeypatch, make):
    return make.keep(Tree(monkeypatch))


def worker_of(s):
    """Its process, when there is one."""
    p, = s.daemon.processes("worker", s)
    return p if p["pid"] and p["state"] == "running" else None


def test_parked_with_its_last_words(tree, make):
    d = make.daemon()
    other = d.register("other")
    pid = d.pid("worker", other)
    s = d.register("s")
    key = s.pubkey
    for n in range(9):
        # Every other one lives a while, so that the back-off stays short.
        p = wait_for(lambda: (lambda p: p and p["uptime_s"] >= 4 * (n % 2)
                              and p)(worker_of(s)), 30, "a worker", 0.05)
        if n == 8:              # the last one dies by itself
            real = tree.libexec / "worker"
            real.rename(tree.libexec / "worker.real")
            real.write_text(DIES)
            real.chmod(0o755)
        os.kill(p["pid"], signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{p['pid']}"), 10)
    s.wait_state("parked", 30)
    why = s.me()["reason"]
    assert why.startswith("crash_loop: exit status 3: "), why
    assert "cannot live like this" in why
    for text in (d.ms("session", "list"), d.ms("status")):
        assert "crash_loop: exit status 3" in text, text
    health = d.api().get("/v1/health").json
    assert why in [p["reason"] for p in health["parked"]]
    # It is left alone until a person says so; then it is what it was.
    (tree.libexec / "worker.real").rename(tree.libexec / "worker")
    assert s.state() == "parked" and worker_of(s) is None
    d.ms("session", "resume", "s")
    s.wait_open()
    assert s.me()["presence"]["sessionPubkey"] == key
    assert "reason" not in s.me()
    assert d.pid("worker", other) == pid
    assert d.process("worker", other)["restarts"] == 0
    assert other.state() == "open"
