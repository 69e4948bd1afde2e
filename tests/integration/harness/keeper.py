"""A small init for the processes of one daemon under test.

Run as a program of its own (Keeper below starts it).  It makes itself the
subreaper of all that it starts, so every descendant is its child sooner or
later, however it detached and whoever died above it: what is below this
process is exactly what the test started.  When its stdin ends, also because
the test run was killed, it ends them all and goes.

One JSON object per line.  In: {"id", "op": "spawn", "argv", "env", "cwd"},
{"id", "op": "list"}.  Out: {"id", "pid"}, then at the end {"id", "exit",
"out", "err", "held"}; {"id", "processes": [{"pid", "ppid", "argv"}]}.
`held` says that somebody still had the program's output open 3 s after its
end: a daemon that did so would hang `$(meshsup start)`.
"""

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
HELD_AFTER = 3.0


# --- the program -----------------------------------------------------------

def descendants():
    """Living processes below this one: (pid, ppid, argv)."""
    parents, zombies = {}, set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                rest = f.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(name)] = int(rest[1])
        if rest[0] in (b"Z", b"X"):
            zombies.add(int(name))
    mine, grew = {os.getpid()}, True
    while grew:
        more = {p for p, pp in parents.items() if pp in mine} - mine
        grew = bool(more)
        mine |= more
    found = []
    for pid in sorted(mine - zombies - {os.getpid()}):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                argv = f.read().decode(errors="replace").split("\0")[:-1]
        except OSError:
            continue
        found.append({"pid": pid, "ppid": parents[pid], "argv": argv})
    return found


class Server:
    def __init__(self):
        self.select = selectors.DefaultSelector()
        self.jobs = {}      # pid -> job
        self.gone = []      # ended, output perhaps not read to its end
        self.line = b""

    def say(self, **what):
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    def spawn(self, ask):
        job = {"id": ask["id"], "out": b"", "err": b"", "open": 0,
               "exit": None, "ended": None}
        # Reaped below with the orphans; Popen itself never waits.
        child = subprocess.Popen(
            ask["argv"], env=ask.get("env"), cwd=ask.get("cwd"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)
        for name, pipe in ("out", child.stdout), ("err", child.stderr):
            fd = os.dup(pipe.fileno())
            os.set_blocking(fd, False)
            pipe.close()
            job["open"] += 1
            self.select.register(fd, selectors.EVENT_READ, (job, name))
        child.returncode = 0
        self.jobs[child.pid] = job
        self.say(id=ask["id"], pid=child.pid)

    def read(self, fd, job, name):
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            return
        job[name] += piece
        if piece and job["exit"] is None:
            self.say(id=job["id"], **{name: piece.decode(errors="replace")})
        if not piece:
            self.select.unregister(fd)
            os.close(fd)
            job["open"] -= 1

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            job = self.jobs.pop(pid, None)
            if job:
                job["exit"] = os.waitstatus_to_exitcode(status)
                job["ended"] = time.monotonic()
                self.gone.append(job)

    def settle(self):
        for job in list(self.gone):
            late = time.monotonic() - job["ended"] > HELD_AFTER
            if job["open"] and not late:
                continue
            self.gone.remove(job)
            self.say(id=job["id"], exit=job["exit"], held=job["open"] > 0,
                     out=job["out"].decode(errors="replace"),
                     err=job["err"].decode(errors="replace"))

    def input(self):
        piece = os.read(0, 65536)
        if not piece:
            return False
        self.line += piece
        while b"\n" in self.line:
            text, self.line = self.line.split(b"\n", 1)
            ask = json.loads(text)
            if ask["op"] == "spawn":
                try:
                    self.spawn(ask)
                except OSError as e:
                    self.say(id=ask["id"], exit=127, out="", err=str(e),
                             held=False)
            else:
                self.say(id=ask["id"], processes=descendants())
        return True

    def end_all(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = descendants()
            for p in found:
                try:
                    os.kill(p["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.reap()
            if not found:
                return
            time.sleep(0.01)

    def loop(self):
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self.select.register(0, selectors.EVENT_READ, None)
        self.select.register(wake, selectors.EVENT_READ, "wake")
        while True:
            for key, _ in self.select.select(0.2 if self.gone else None):
                if key.data is None:
                    if not self.input():
                        return
                elif key.data == "wake":
                    try:
                        os.read(wake, 4096)
                    except BlockingIOError:
                        pass
                else:
                    self.read(key.fd, *key.data)
            self.reap()
            self.settle()


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for s in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(s, signal.SIG_IGN)    # the end of stdin is our signal
    server = Server()
    try:
        server.loop()
    finally:
        server.end_all()


# --- the side of the test --------------------------------------------------

class Running:
    """A program started through a Keeper."""

    def __init__(self, keeper, id):
        self.keeper = keeper
        self.id = id
        self.pid = None
        self.out = self.err = ""
        self.exit = None
        self.held = False

    def wait(self, deadline=30.0):
        """The exit code; negative is the signal that ended it."""
        self.keeper.wait_until(lambda: self.exit is not None, deadline,
                               f"program {self.id} still runs")
        return self.exit

    def wait_out(self, predicate, deadline=30.0):
        """Until predicate(stdout so far) or the end; what it answered."""
        self.keeper.wait_until(
            lambda: predicate(self.out) or self.exit is not None, deadline,
            f"stdout {self.out!r} stderr {self.err!r}")
        return predicate(self.out)


class Keeper:
    def __init__(self):
        self._new = threading.Condition()
        self._runs, self._lists, self._next = {}, {}, 0
        self._proc = subprocess.Popen(
            [sys.executable, "-I", __file__], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._proc.stdout:
            said = json.loads(line)
            with self._new:
                if "processes" in said:
                    self._lists[said["id"]] = said["processes"]
                else:
                    run = self._runs[said["id"]]
                    if "pid" in said:
                        run.pid = said["pid"]
                    elif "exit" in said:
                        run.out, run.err = said["out"], said["err"]
                        run.held, run.exit = said["held"], said["exit"]
                    else:
                        run.out += said.get("out", "")
                        run.err += said.get("err", "")
                self._new.notify_all()

    def wait_until(self, predicate, deadline, what):
        from .prefix import SLOW
        with self._new:
            if not self._new.wait_for(predicate, deadline * SLOW):
                raise AssertionError(what)

    def _ask(self, **what):
        with self._new:
            self._next += 1
            what["id"] = self._next
            if what["op"] == "spawn":
                self._runs[self._next] = Running(self, self._next)
            self._proc.stdin.write(json.dumps(what) + "\n")
            self._proc.stdin.flush()
            return self._next

    def spawn(self, argv, env=None, cwd="/"):
        id = self._ask(op="spawn", argv=argv, env=env, cwd=cwd)
        run = self._runs[id]
        self.wait_until(lambda: run.pid or run.exit is not None, 30,
                        f"{argv}: not started")
        return run

    def run(self, argv, env=None, cwd="/", deadline=30.0):
        """Run a program to its end: a Running with exit, out and err."""
        run = self.spawn(argv, env, cwd)
        run.wait(deadline)
        return run

    def processes(self):
        """All that was started here and lives: [{"pid","ppid","argv"}]."""
        id = self._ask(op="list")
        self.wait_until(lambda: id in self._lists, 30, "keeper is silent")
        return self._lists.pop(id)

    def close(self):
        """End every process that was started here, then the keeper."""
        self._proc.stdin.close()
        self._proc.wait(30)
        self._thread.join(5)
        self._proc.stdout.close()


if __name__ == "__main__":
    main()
