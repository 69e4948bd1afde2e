"""Promise: sessions whose workers die over and over cost the others nothing
that can be measured (issue, "Crash loops"; delivery.md section 1 promise 5).
The yardstick is a daemon beside it on which nobody dies, asked at the same
moments.
"""

import itertools
import sqlite3
import statistics
import time

from harness import SLOW, wait_for

CRASHERS = 8
SECONDS = 6


class Pair:
    """Two that talk, and how long each message takes to arrive."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.a, self.b = daemon.register("a"), daemon.register("b")
        self.took = []
        self.ids = itertools.count()

    def exchange(self):
        text = f"message {next(self.ids)}"
        begin = time.monotonic()
        assert self.a.send(self.b, text).status == 202
        wait_for(lambda: [i["body"] for i in self.b.inbox(
            "limit=1&mark_seen=false")] == [text], 20, interval=0)
        self.took.append(time.monotonic() - begin)

    def median(self):
        return statistics.median(self.took)

    def late(self):
        """What one in fifty takes."""
        return sorted(self.took)[len(self.took) * 49 // 50]


def spoil_keys(daemon, sessions):
    """Their workers cannot open them, and die of that."""
    daemon.stop()
    db = sqlite3.connect(daemon.state_dir / "sessions.db")
    for s in sessions:
        n = db.execute("UPDATE session SET wrapped = zeroblob(104)"
                       " WHERE session_id = ?", (s.session_id,)).rowcount
        assert n == 1
    db.commit()
    db.close()
    daemon.start()


def deaths(daemon):
    return len([x for x in daemon.log() if x["process"] == "supervisor" and
                "ended, exit status" in x.get("msg", "")])


def test_crash_loops_cost_the_others_nothing(make):
    quiet, beside = Pair(make.daemon()), Pair(make.daemon())
    d = beside.daemon
    crashers = [d.register(f"crasher {n}") for n in range(CRASHERS)]
    spoil_keys(d, crashers)
    d.expected_errors.append("no set-up that can be used")
    for s in beside.a, beside.b:
        s.api.close()
        s.wait_open()
    pids = [d.pid("worker", s) for s in (beside.a, beside.b)]
    end = time.monotonic() + SECONDS * SLOW
    while time.monotonic() < end or deaths(d) < 3 * CRASHERS:
        for pair in quiet, beside:
            pair.exchange()
    # They died meanwhile, ever more rarely, and say of what.
    words = d.wait_log("wrapped key does not open")
    assert words["process"] == "worker"
    assert deaths(d) < 9 * CRASHERS
    assert beside.median() < 1.5 * quiet.median() + 0.005 * SLOW, (
        beside.median(), quiet.median())
    assert beside.late() < 4 * quiet.late() + 0.1 * SLOW, (
        beside.late(), quiet.late())
    # Theirs are the same processes, on the same connections.
    assert [d.pid("worker", s) for s in (beside.a, beside.b)] == pids
    for s in beside.a, beside.b:
        assert d.process("worker", s)["restarts"] == 0
        assert s.state() == "open"
    for s in crashers:
        assert s.me()["state"] in ("starting", "connecting")
