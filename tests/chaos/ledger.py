"""What was asked of the mesh, and what it answered: the truth to compare with.

A message is known by its sender's key and its client_message_id, as in
delivery.md section 2.  Everything that happens to it is noted with its time,
so that a failure can show the history of the message.
"""

import threading
import time

BROADCAST = "*"
KILLS_SHOWN = 30        # in the history of a message


class Message:
    def __init__(self, sender, cid, target, priority, number, body):
        self.sender = sender            # key
        self.cid = cid
        self.target = target            # key, or "*"
        self.priority = priority
        self.number = number            # place among the sender's sends
        self.body = body
        self.accepted = False
        self.aborted = False            # an operator was told so
        self.abort_asked = False
        self.deleted = set()            # keys of the readers it is gone for
        self.log = []                   # (time, what)

    @property
    def key(self):
        return self.sender, self.cid

    @property
    def lane(self):
        """Messages of one lane keep their order, delivery.md promise 6."""
        return self.sender, self.target, self.priority

    def note(self, what):
        self.log.append((time.time(), what))

    def __repr__(self):
        return f"{self.cid} of {self.sender[:8]} to {self.target[:8]}"


class Ledger:
    def __init__(self):
        self.began = time.time()
        self.messages = {}
        self.kills = []                 # (time, whom)
        self.faults = []                # what a client must never see
        self.names = {}                 # key -> name, for people
        self._lock = threading.Lock()

    def new(self, *args):
        m = Message(*args)
        with self._lock:
            assert m.key not in self.messages, m
            self.messages[m.key] = m
        return m

    def find(self, sender, cid):
        with self._lock:
            return self.messages.get((sender, cid))

    def killed(self, whom):
        with self._lock:
            self.kills.append((time.time(), whom))

    def fault(self, what):
        """Said at once: perhaps nothing works any more from here on."""
        what = f"{self.at(time.time())} {what}"
        print(what, flush=True)
        with self._lock:
            self.faults.append(what)

    def accepted(self):
        with self._lock:
            return [m for m in self.messages.values() if m.accepted]

    def name(self, key):
        return self.names.get(key, key[:8])

    def at(self, when):
        return f"{when - self.began:8.3f} s"

    def history(self, m):
        """Everything that is known here of a message, with the kills that
        fell between."""
        lines = [(t, f"{what}") for t, what in m.log]
        if lines:
            first, last = lines[0][0] - 2, lines[-1][0] + 10
            lines += [(t, f"        killed {whom}") for t, whom in self.kills
                      if first <= t <= last][:KILLS_SHOWN]
        head = (f"message {m.cid} of {self.name(m.sender)} {m.sender[:8]} to "
                f"{self.name(m.target)} {m.target[:8]}, {m.priority}, "
                f"number {m.number}, accepted {m.accepted}, deleted for "
                f"{[self.name(k) for k in m.deleted]}, aborted {m.aborted}")
        return "\n".join([head] + [f"  {self.at(t)} {what}"
                                   for t, what in sorted(lines)])
