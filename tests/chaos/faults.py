"""What the tests of single faults share."""

import os
import resource
import time

from harness import Gone, SLOW, wait_for
from harness.world import row_of


def cpu_of(pid):
    """Seconds of processor time of a process."""
    with open(f"/proc/{pid}/stat", "rb") as f:
        rest = f.read().rpartition(b")")[2].split()
    return (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")


def pids_of(daemon):
    """Who runs, by role and session."""
    return {(p["role"], p.get("session")): p["pid"]
            for p in daemon.processes()}


def used_in(pid, seconds=1.0):
    """The processor time of a process within the next second."""
    before = cpu_of(pid)
    time.sleep(seconds)
    return (cpu_of(pid) - before) / seconds


class NoDescriptors:
    """The process cannot open anything while this lasts."""

    def __init__(self, pid, spare=0):
        self.pid = pid
        self.before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # Gaps count: the lowest free number is what must be below the limit.
        have = {int(n) for n in os.listdir(f"/proc/{pid}/fd")}
        n = 0
        while n in have or spare > 0:
            spare -= n not in have
            n += 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (n, self.before[1]))

    def close(self):
        if self.before:
            try:
                resource.prlimit(self.pid, resource.RLIMIT_NOFILE,
                                 self.before)
            except ProcessLookupError:
                pass
            self.before = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(call):
    """A Response, or the exception when nobody answered."""
    try:
        return call()
    except Gone as e:
        return e


def all_done(session, ids, deadline=30):
    wait_for(lambda: all(row_of(session, i)["status"] == "done"
                         for i in ids), deadline, "rows not done", 0.05)


__all__ = ["NoDescriptors", "SLOW", "all_done", "ask", "cpu_of", "pids_of",
           "used_in"]
