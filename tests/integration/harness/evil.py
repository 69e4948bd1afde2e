"""A daemon with a hostile broker on one mesh, and what must hold of it."""

import time
from collections import Counter
from contextlib import contextmanager

from .keys import Key, Member, minted_id
from .prefix import SLOW
from .wait import wait_for

# What a process may have in memory; sanitizers take several times that.
RSS_MAX = (100 << 10) if SLOW == 1 else (1600 << 10)
LINES_MAX = 700             # of one process in a minute


class Evil:
    """A daemon on a hostile broker and, on another mesh, an honest one."""

    def __init__(self, make):
        self.member = Member("mesh-evil", "member-evil", slug="evil")
        self.broker = make.scripted([self.member])
        self.good = make.broker()
        good = self.good.add_member("good", "good")
        self.good.start()
        self.daemon = make.daemon(meshes=[
            self.member.mesh_file(self.broker.url),
            good.mesh_file(self.good.url)])
        self.victim = self.daemon.register("victim", mesh="evil")
        self.other = self.daemon.register("other", mesh="evil")
        self.alice = self.daemon.register("alice", mesh="good")
        self.bob = self.daemon.register("bob", mesh="good")
        self.broker.wait_member()
        self.sealed = set()     # (recipient, sender, text) that are genuine
        self.trips = 0

    # --- what the hostile one has to say with ---

    @property
    def conn(self):
        return self.broker.wait_session(self.victim.pubkey)

    @property
    def conns(self):
        return [self.conn, self.broker.wait_member()]

    def push(self, to, text, sender=None, **changes):
        """A genuine direct push to a session, or to the member's key."""
        pub = to if isinstance(to, str) else to.pubkey
        sender = sender or Key()
        self.sealed.add((pub, sender.pub, text))
        return self.broker.direct(self.member.mesh_id, sender, pub, text,
                                  **changes)

    def fence(self):
        """All that was said before on these connections has been read."""
        for to, get in ((self.victim, self.victim.inbox),
                        (self.member.key.pub, self.member_inbox)):
            text = "fence " + minted_id()
            push = self.push(to, text)

            def comes():
                """Said again where a connection was lost over it."""
                c = self.conn if to is self.victim else \
                    self.broker.wait_member()
                c.put(push)
                end = time.monotonic() + 5 * SLOW
                while time.monotonic() < end and not c.closed:
                    if [i for i in get("limit=5&mark_seen=false")
                            if i["body"] == text]:
                        return True
                    time.sleep(0.02)
                return False
            wait_for(comes, 40, text)

    # --- what must hold ---

    def member_inbox(self, query="limit=1000&mark_seen=false"):
        return self.daemon.api().inbox(query + "&mesh=evil")

    def trip(self):
        """Seconds from alice to bob, on the other mesh."""
        self.trips += 1
        text = f"trip {self.trips}"
        began = time.monotonic()
        assert self.alice.send(self.bob, text).status == 202
        wait_for(lambda: [i for i in self.bob.inbox(
            "limit=1&mark_seen=false") if i["body"] == text], 20,
            interval=0.005)
        return time.monotonic() - began

    def processes(self):
        return {(p["role"], p.get("mesh"), p.get("session")):
                (p["pid"], p["restarts"]) for p in
                self.daemon.status()["processes"]}

    def rss(self):
        return max(p["rss_kib"] for p in self.daemon.status()["processes"])

    def lines(self):
        return Counter(x.get("pid") for x in self.daemon.log())

    def check_rows(self):
        """Nothing is shown as more than it is, and to whom it is for."""
        for s in self.alice, self.bob:
            assert {i["mesh"] for i in s.all_inbox()} <= {"good"}
        keys = {self.victim.pubkey, self.other.pubkey, self.member.key.pub}
        for rows in (self.victim.all_inbox(), self.other.all_inbox(),
                     self.member_inbox()):
            for i in rows:
                assert i["recipient_pubkey"] in keys and i["mesh"] == "evil"
                assert i["sender_pubkey"] != "system", i
                assert (i["recipient_pubkey"], i["sender_pubkey"],
                        i["body"]) in self.sealed or not (
                            i["authenticated"] or i["encrypted"]), i
                assert i["body"].isprintable() or "\n" in i["body"], i

    @contextmanager
    def watched(self):
        """At the end all of it is as it was."""
        before, lines = self.processes(), self.lines()
        slow = self.trip()
        yield self
        self.fence()
        assert self.processes() == before
        assert self.rss() < RSS_MAX
        assert self.trip() < max(5 * SLOW, 20 * slow)
        self.check_rows()
        new = self.lines() - lines
        assert not new or max(new.values()) < LINES_MAX, new.most_common(3)

    def meanwhile(self, done, deadline=60):
        """Trips on the other mesh until done() is true: none is slow, and no
        memory is much."""
        slowest = rss = 0
        end = time.monotonic() + deadline * SLOW
        while not done():
            assert time.monotonic() < end, "it does not end"
            slowest = max(slowest, self.trip())
            rss = max(rss, self.rss())
        assert slowest < 5 * SLOW and rss < RSS_MAX, (slowest, rss)
