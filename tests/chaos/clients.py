"""Those who use meshsup during a storm, each a thread of its own."""

import json
import pathlib
import random
import secrets
import subprocess
import sys
import threading
import time

from harness import Events, Gone
from ledger import BROADCAST

PRIORITIES = ["now", "next", "next", "next", "low"]
AGAIN = (429, 503, 504, 507)    # answers that a client is to try again after
ANSWER_MAX = 90                 # seconds without any answer: a hang
HERE = pathlib.Path(__file__).parent


class Client(threading.Thread):
    """A thread whose fault ends up in the ledger."""

    def __init__(self, storm, name):
        super().__init__(daemon=True, name=name)
        self.storm = storm
        self.ledger = storm.ledger

    def run(self):
        try:
            self.work()
        except Exception as e:      # noqa: the storm reports it
            self.ledger.fault(f"{self.name}: {type(e).__name__}: {e}")

    def insist(self, what, ask, end=None):
        """Ask until there is an answer that is one."""
        slow = self.storm.slow
        end = time.monotonic() + ANSWER_MAX * slow
        last = None
        while time.monotonic() < end:
            begin = time.monotonic()
            try:
                r = ask()
                self.storm.took(time.monotonic() - begin, what, r.status)
                if r.status not in AGAIN:
                    return r
                last = r
            except Gone as e:
                last = e
            time.sleep(0.02)
        raise AssertionError(f"{what}: no answer in time, last {last!r}")


class Talker(Client):
    """A session that sends without end, and now and then deletes what it got,
    or aborts what it sent."""

    def __init__(self, storm, session, seed):
        super().__init__(storm, session.name)
        self.session = session
        self.rng = random.Random(seed)
        self.number = 0

    def work(self):
        while not self.storm.calm.is_set():
            self.send()
            if self.rng.random() < 0.04:
                self.delete()
            if self.rng.random() < 0.04:
                self.abort()
            time.sleep(self.rng.expovariate(1 / self.storm.pause))

    def pick(self):
        roll = self.rng.random()
        if roll < 0.08:
            return BROADCAST
        if roll < 0.14:
            return self.rng.choice(self.storm.other_members(self.session))
        return self.rng.choice([s.pubkey for s in self.storm.sessions
                                if s is not self.session])

    def send(self):
        self.number += 1
        # The same ids from every sender.
        cid = f"m-{self.number}"
        target = self.pick()
        priority = self.rng.choice(PRIORITIES)
        size = self.rng.choice([0, 10, 10, 100, 1000, 30000 *
                                (self.rng.random() < 0.05)])
        body = f"{self.name} {cid} " + "x" * int(size)
        m = self.ledger.new(self.session.pubkey, cid, target, priority,
                            self.number, body)
        ask = {"to": target, "message": body, "priority": priority,
               "client_message_id": cid}

        def post():
            try:
                r = self.session.api.post("/v1/send", ask)
                m.note(f"POST /v1/send: {r.status} {r.raw[:120]!r}")
                return r
            except Gone as e:
                m.note(f"POST /v1/send: {e!r}")
                raise
        r = self.insist(f"send {m}", post)
        if r.status not in (200, 202):
            self.ledger.fault(f"send {m}: {r}")
        m.accepted = r.status in (200, 202)

    def delete(self):
        """Delete one of the newest; what comes again later is a copy."""
        if not self.storm.can_delete:
            return
        r = self.insist("inbox", lambda: self.session.api.get(
            "/v1/inbox?limit=20&mark_seen=false"))
        if r.status != 200:
            self.ledger.fault(f"{self.name}: inbox: {r}")
            return
        items = [i for i in r.json["items"] if i["sender_pubkey"] != "system"]
        if not items:
            return
        i = self.rng.choice(items)
        m = self.ledger.find(i["sender_pubkey"], i["client_message_id"])
        r = self.insist("delete", lambda: self.session.api.delete(
            f"/v1/inbox/{i['id']}"))
        if r.status not in (200, 404):      # 404: an answer that was lost
            self.ledger.fault(f"{self.name}: delete {m}: {r}")
        elif m:
            m.deleted.add(self.session.pubkey)
            m.note(f"{self.name} deletes row {i['id']}: {r.status}")

    def abort(self):
        """Abort what is still to be sent, if anything is."""
        if not self.storm.can_abort:
            return
        r = self.insist("outbox", lambda: self.session.api.get(
            "/v1/outbox?status=pending&limit=20"))
        if r.status != 200:
            self.ledger.fault(f"{self.name}: outbox: {r}")
            return
        if not r.json["items"]:
            return
        i = self.rng.choice(r.json["items"])
        m = self.ledger.find(self.session.pubkey, i["client_message_id"])
        m.abort_asked = True
        r = self.insist("abort", lambda: self.session.api.post(
            "/v1/outbox/abort", {"ids": [i["id"]]}))
        m.note(f"abort: {r.status} {r.raw[:120]!r}")
        if r.status != 200:
            self.ledger.fault(f"abort {m}: {r}")
        elif not r.json["refused"]:
            m.aborted = True


class Leavers(Client):
    """Starts processes that register, send a few messages, and exit right
    after the last 202 (sender.py)."""

    def __init__(self, storm, daemon, seed):
        super().__init__(storm, f"leavers of {daemon.name}")
        self.daemon_ = daemon
        self.rng = random.Random(seed)
        self.count = 0

    def work(self):
        while not self.storm.calm.wait(self.rng.expovariate(1 / 2.0)):
            self.one()

    def one(self):
        self.count += 1
        name = f"leaver-{self.daemon_.name}-{self.count}"
        targets = [self.rng.choice([s.pubkey for s in self.storm.sessions])
                   for _ in range(self.rng.randint(1, 8))]
        priority = self.rng.choice(PRIORITIES)
        ask = {"socket": self.daemon_.socket, "token": secrets.token_hex(32),
               "name": name, "mesh": self.storm.mesh, "priority": priority,
               "sends": [{"to": t, "message": f"{name} m-{n}",
                          "client_message_id": f"m-{n}"}
                         for n, t in enumerate(targets, 1)]}
        p = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "sender.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")
        try:
            p.stdin.write(json.dumps(ask))
            p.stdin.close()
            self.follow(p, name, ask)
        finally:
            p.kill()
            p.wait()

    def follow(self, p, name, ask):
        """What it says, into the ledger."""
        sends = {s["client_message_id"]: (n, s)
                 for n, s in enumerate(ask["sends"], 1)}
        key = m = None
        for line in p.stdout:
            what = json.loads(line)
            if "pubkey" in what:
                key = what["pubkey"]
                self.ledger.names[key] = name
            elif "try" in what:
                n, s = sends[what["try"]]
                m = self.ledger.new(key, what["try"], s["to"],
                                    ask["priority"], n, s["message"])
            elif "ok" in what:
                m.note(f"POST /v1/send: {what['status']}")
                m.accepted = True
            else:
                self.ledger.fault(f"{name}: {what}")
        # It had no time to speak of its last answer.
        if p.wait() != 0:
            self.ledger.fault(f"{name}: ended early")
        elif m:
            m.note("POST /v1/send: answered, and it exits")
            m.accepted = True


class Subscriber(Client):
    """Follows a session's events over every break, with its cursor:
    delivery.md section 7, no gap and no copy."""

    def __init__(self, storm, session):
        super().__init__(storm, f"events of {session.name}")
        self.session = session
        self.breaks = 0
        self.finished = threading.Event()
        self._got = []
        self._stream = None

    def events(self):
        """All messages so far."""
        stream = self._stream
        return self._got + (stream.messages() if stream else [])

    def work(self):
        while not self.finished.is_set():
            try:
                self.follow(self._got[-1].id if self._got else
                            self.session.daemon.cursor_zero())
            except (*Gone, AssertionError):
                pass            # no stream just now
            self.breaks += 1
            time.sleep(0.02)

    def follow(self, last):
        with Events(self.session.api, last_id=last) as stream:
            if stream.status not in (200, *AGAIN):
                self.ledger.fault(f"{self.name}: {stream.status}")
            self._stream = stream
            while not stream.ended and not self.finished.is_set():
                time.sleep(0.05)
        self._stream, self._got = None, self._got + stream.messages()
