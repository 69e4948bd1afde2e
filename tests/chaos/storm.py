"""Ten sessions of two members on two daemons that share one broker, and
everything between them is killed (delivery.md sections 1 and 8).

The promises are compared in verdict.py with what the clients were answered.
"""

import random
import sqlite3
import threading
import time

from clients import Leavers, Subscriber, Talker
from harness import Gone, wait_for
from harness.prefix import SLOW
from killer import Killer
from ledger import Ledger
from mesh import MESH, Pair
from verdict import Verdict

SESSIONS = 5            # of each daemon
SETTLE = 240            # seconds, when the machine is busy


class Storm:
    """kill_pause and pause are mean seconds between kills, and between the
    sends of one session."""

    def __init__(self, seed, seconds, kill_pause=0.75, pause=0.05,
                 proxy=None):
        self.seed = seed
        self.seconds = seconds
        self.kill_pause = kill_pause * SLOW
        self.pause = pause
        self.slow = SLOW
        self.mesh = MESH
        self.calm = threading.Event()
        self.ledger = Ledger()
        self.slowest = (0, "", 0)
        self.subscribers = []
        self.summary = "it did not come to a verdict"
        self.pair = Pair(proxy)
        self.broker, self.proxy = self.pair.broker, proxy
        self.daemons, self.sessions = self.pair.daemons, []
        self._rng = random.Random(seed)

    # --- what the clients ask for ---

    def other_members(self, session):
        return [d.member.key.pub for d in self.daemons
                if d is not session.daemon]

    def took(self, seconds, what, status):
        if seconds > self.slowest[0]:
            self.slowest = seconds, what, status

    # --- acts ---

    def begin(self):
        self.pair.start()
        for d in self.daemons:
            self.ledger.names[d.member.key.pub] = f"member of {d.name}"
        for n in range(2 * SESSIONS):
            d = self.daemons[n % 2]
            s = d.join(f"{d.name}-{n // 2 + 1}")
            self.ledger.names[s.pubkey] = s.name
            self.sessions.append(s)
        self.probe()

    def probe(self):
        """What this meshsup has."""
        api = self.sessions[0].api
        r = api.delete("/v1/inbox/00000000-0000-7000-8000-000000000000")
        self.can_delete = r.status == 404 and r.error != "not_found" or \
            r.status == 200
        r = api.post("/v1/outbox/abort", {
            "ids": ["00000000-0000-7000-8000-000000000000"]})
        self.can_abort = r.status == 200

    def blow(self):
        """Kill and send until the time is up."""
        clients = [Talker(self, s, self._rng.random())
                   for s in self.sessions]
        clients += [Leavers(self, d, self._rng.random())
                    for d in self.daemons]
        self.subscribers = [Subscriber(self, s) for s in self.sessions[:2]]
        for c in clients + self.subscribers:
            c.start()
        self.killer = Killer(self, self._rng.random())
        self.killer.start()
        if self.proxy:
            self.proxy.blow(self._rng.random())
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not self.ledger.faults:
            time.sleep(0.1)
        self.calm.set()
        self.killer.finish()
        if self.proxy:
            self.proxy.heal()
        for c in clients:
            c.join(120 * SLOW)
            if c.is_alive():
                self.ledger.fault(f"{c.name} hangs")

    def settle(self):
        """Until nothing is under way any more."""
        wait_for(self.pair.settled, SETTLE, "it does not settle", 0.25)
        for s in self.sessions:
            s.wait_open(60)

    def run(self):
        """All of it: a list of what is wrong."""
        try:
            self.begin()
            self.blow()
            faults = list(self.ledger.faults)
            try:
                self.settle()
            except (AssertionError, sqlite3.Error, *Gone) as e:
                faults.append(f"settle: {e!r}")
            verdict = Verdict(self)
            faults += verdict.all()
            self.summary = verdict.summary()
            return faults
        finally:
            self.calm.set()

    def close(self):
        """End everything; what the logs had to complain of."""
        for s in self.subscribers:
            s.finished.set()
        try:
            self.pair.close()
        except AssertionError as e:
            return [str(e)]
        return []
