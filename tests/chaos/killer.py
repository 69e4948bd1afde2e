"""SIGKILL for processes chosen at random, at random moments.

What meshsup starts itself, its supervisor brings back; supervisors and the
broker, which nobody watches here, are started again by the killer.  Nobody is
killed so often that meshsup would have to call it a crash loop (10 deaths
within a minute): that is another promise.
"""

import os
import pathlib
import random
import signal
import threading
import time

DEATHS_MAX = 7      # of one process within a minute
MINUTE = 60

# How often each is chosen, in relation.
WEIGHTS = {"store": 3, "gate": 3, "session": 6, "member": 2, "resolver": 1,
           "supervisor": 2, "broker": 3}


def roles(daemon):
    """(role, name, pid) of each living process of a daemon."""
    found = []
    for p in daemon.keeper.processes():
        program = pathlib.Path(p["argv"][0]).name if p["argv"] else ""
        name = p["argv"][1] if len(p["argv"]) > 1 else ""
        if program == "worker":
            role = "member" if name == daemon.member_worker else "session"
            found.append((role, f"{daemon.name}/{role} {name}", p["pid"]))
        elif program in WEIGHTS:
            found.append((program, f"{daemon.name}/{program}", p["pid"]))
    return found


class Killer(threading.Thread):
    def __init__(self, storm, seed):
        super().__init__(daemon=True, name="killer")
        self.storm = storm
        self.rng = random.Random(seed)
        self.count = 0
        self.by_role = {}
        self._deaths = {}       # whom -> times
        self._starting = []     # threads that start somebody again
        self._busy = set()      # who is being started

    def run(self):
        try:
            while not self.storm.calm.wait(
                    self.rng.expovariate(1 / self.storm.kill_pause)):
                for _ in range(self.rng.choice([1, 1, 1, 1, 2, 3])):
                    self.strike()
        except Exception as e:      # noqa: the storm reports it
            self.storm.ledger.fault(f"killer: {type(e).__name__}: {e}")

    def strike(self):
        daemon = self.rng.choice(self.storm.daemons)
        role = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if role == "broker":
            self.kill_broker()
            return
        rows = [r for r in roles(daemon) if r[0] == role]
        if not rows:
            return
        _, whom, pid = self.rng.choice(rows)
        if role != "supervisor":
            if self.may(whom):
                self.hit(role, whom, pid)
        elif daemon not in self._busy:
            self._busy.add(daemon)
            self.hit(role, whom, pid)
            # A new supervisor: nobody has died yet for it.
            self._deaths = {w: t for w, t in self._deaths.items()
                            if not w.startswith(daemon.name + "/")}
            self.again(daemon, lambda: self.start_daemon(daemon))

    def may(self, whom):
        now = time.monotonic()
        recent = [t for t in self._deaths.get(whom, ()) if now - t < MINUTE]
        self._deaths[whom] = recent
        return len(recent) < DEATHS_MAX

    def hit(self, role, whom, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.count += 1
        self.by_role[role] = self.by_role.get(role, 0) + 1
        self._deaths.setdefault(whom, []).append(time.monotonic())
        self.storm.ledger.killed(f"{whom} ({pid})")

    def kill_broker(self):
        broker = self.storm.broker
        if broker in self._busy:
            return
        self._busy.add(broker)
        self.hit("broker", "broker", broker.running.pid)
        self.again(broker, lambda: self.start_broker(broker))

    # --- starting again, while others are killed ---

    def again(self, whom, start):
        pause = self.rng.choice([0, 0, 0.1, 1.0]) * self.rng.random()

        def run():
            try:
                time.sleep(pause)
                start()
            except Exception as e:      # noqa: the storm reports it
                self.storm.ledger.fault(f"start of {whom}: {e}")
            finally:
                self._busy.discard(whom)
        t = threading.Thread(target=run, daemon=True)
        t.start()
        self._starting = [x for x in self._starting if x.is_alive()] + [t]

    def start_daemon(self, daemon):
        r = daemon.start_any(deadline=60)
        if r.exit != 0:
            raise AssertionError(f"start: {r.exit} {r.err}")
        assert not r.held

    @staticmethod
    def start_broker(broker):
        broker.running.wait(15)
        broker.start()

    def finish(self):
        """Nobody is killed any more, and everybody has been started again."""
        self.join()
        for t in self._starting:
            t.join(90)
            assert not t.is_alive(), "a start hangs"
