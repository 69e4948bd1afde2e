"""A client that sends without end, one message after another, and repeats
what was not taken with the same client_message_id."""

import threading
import time

from harness import SLOW, Gone, wait_for

AGAIN = (429, 503, 504, 507)


class Refusal:
    """An answer that was none."""

    def __init__(self, seconds, r):
        self.seconds, self.status = seconds, r.status
        self.error, self.detail = r.error, r.json.get("detail", "")

    def __repr__(self):
        return f"{self.status} {self.error} after {self.seconds:.2f} s"


class Flow:
    """`ids` are those of the messages that were accepted, in order."""

    def __init__(self, sender, recipient, tag, pause=0.02, size=20):
        self.sender, self.recipient = sender, recipient
        self.tag, self.pause = tag, pause
        self.size = size
        self.ids = []
        self.refusals = []
        self.gone = 0           # connections that broke
        self.slowest = 0
        self.fault = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def body(self, cid):
        return f"body of {cid} ".ljust(self.size, ".")

    def _run(self):
        try:
            while not self._end.is_set():
                self._send(f"{self.tag}-{len(self.ids)}")
                time.sleep(self.pause)
        except Exception as e:      # noqa: check() raises it
            self.fault = e

    def _send(self, cid):
        ask = {"to": self.recipient.pubkey, "message": self.body(cid),
               "client_message_id": cid}
        end = time.monotonic() + 90 * SLOW
        while True:
            begin = time.monotonic()
            try:
                r = self.sender.api.post("/v1/send", ask)
                took = time.monotonic() - begin
                self.slowest = max(self.slowest, took)
                if r.status in (200, 202):
                    self.ids.append(cid)
                    return
                assert r.status in AGAIN, f"{cid}: {r}"
                self.refusals.append(Refusal(took, r))
            except Gone:
                self.gone += 1
            assert time.monotonic() < end, f"{cid}: no answer in time"
            time.sleep(0.05)

    def wait(self, more, deadline=30):
        """Until so many more have been accepted."""
        goal = len(self.ids) + more
        wait_for(lambda: self.fault or len(self.ids) >= goal, deadline,
                 f"{self.tag}: {len(self.ids)} of {goal}")
        if self.fault:
            raise self.fault

    def stop(self):
        self._end.set()
        self._thread.join(100 * SLOW)
        assert not self._thread.is_alive(), f"{self.tag} hangs"
        if self.fault:
            raise self.fault

    def arrived(self):
        """The ids with the recipient, in the order of its inbox; deeper than
        one page it is not read."""
        items = self.recipient.inbox("limit=1000&mark_seen=false&from=" +
                                     self.sender.pubkey)
        return [i["client_message_id"] for i in reversed(items)
                if i["client_message_id"].startswith(self.tag + "-")]

    def check(self, deadline=60):
        """Stop, and see that all that was accepted is there, once, in
        order."""
        self.stop()
        want = self.ids[-1000:]
        wait_for(lambda: len(self.arrived()) >= len(want), deadline,
                 f"{self.tag}: {len(want)} messages", 0.1)
        got = self.arrived()
        assert got == want, (self.tag, differences(got, want))


def differences(got, want):
    lost = [c for c in want if c not in set(got)]
    twice = [c for c in set(got) if got.count(c) > 1]
    early = [b for a, b in zip(got, got[1:])
             if int(a.rsplit("-", 1)[1]) > int(b.rsplit("-", 1)[1])]
    return {"lost": lost[:5], "twice": twice[:5], "disorder": early[:5]}
