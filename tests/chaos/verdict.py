"""Does what is in the databases and inboxes agree with what was promised?"""

import collections
import sqlite3
import time

from harness import Events, Gone, wait_for
from ledger import BROADCAST

STATES = ["pending", "inflight", "done", "dead", "aborted"]
SHOWN = 3           # faults with the history of their message


class Verdict:
    def __init__(self, storm):
        self.storm = storm
        self.ledger = storm.ledger
        self.faults = []
        self.shown = []
        self.outbox = {}        # (sender, cid) -> row
        self.inboxes = {}       # reader's name -> items in order
        self.readers = {}       # reader's name -> (keys it may see for, own)

    def fault(self, what, message=None):
        if (message is not None and message not in self.shown and
                len(self.shown) < SHOWN):
            self.shown.append(message)
            what += "\n" + self.history(message)
        self.faults.append(what)

    def all(self):
        """The faults."""
        try:
            self.read_outboxes()
            self.check_open()
            self.check_outbox()
            self.read_inboxes()
            self.check_inboxes()
            self.check_events()
        except (AssertionError, sqlite3.Error, *Gone) as e:
            self.fault(f"cannot look at it all: {e!r}")
        return self.faults

    # --- reading ---

    def read_outboxes(self):
        for d in self.storm.daemons:
            for row in d.query("SELECT client_message_id, sender, state,"
                               " attempts, last_error, target, priority, seq"
                               " FROM outbox"):
                key = row["sender"].hex(), row["client_message_id"]
                if key in self.outbox:
                    self.fault(f"two outbox rows for {key}")
                self.outbox[key] = row

    def read_inboxes(self):
        for s in self.storm.sessions:
            self.inboxes[s.name] = self.listing(s.name, s.api, s.daemon)
            self.readers[s.name] = (s.pubkey, s.daemon.member.key.pub)
        for d in self.storm.daemons:
            name = self.ledger.name(d.member.key.pub)
            self.inboxes[name] = self.listing(name, d.api(), d)
            self.readers[name] = (d.member.key.pub,)

    def listing(self, who, api, daemon):
        """A whole inbox in order, read as events from the very first on."""
        newest = api.inbox("limit=1000&mark_seen=false")
        if not newest:
            return []
        with Events(api, last_id=daemon.cursor_zero()) as stream:
            stream.wait(where=lambda e: e.data["id"] == newest[0]["id"],
                        deadline=60)
            items = [e.data for e in stream.messages()]
        last = [i["id"] for i in reversed(newest)]
        if [i["id"] for i in items][-len(last):] != last:
            self.fault(f"{who}: listing and events differ")
        return items

    # --- the promises ---

    def check_open(self):
        """Nothing is pending or in flight, and every file is sound."""
        for d in self.storm.daemons:
            for r in d.query("PRAGMA integrity_check"):
                if r["integrity_check"] != "ok":
                    self.fault(f"{d.name}: {r['integrity_check']}")
        n = collections.Counter()
        for key, row in self.outbox.items():
            if row["state"] <= 1:
                n[STATES[row["state"]]] += 1
                m = self.ledger.find(*key)
                if m and n[STATES[row["state"]]] <= 2:
                    self.fault(f"{m}: still {STATES[row['state']]}, "
                               f"{row['last_error']}", m)
        if n:
            self.fault(f"rows that have not ended: {dict(n)}")

    def check_outbox(self):
        """Promises 1 and 4: what was accepted has a row, and it is done;
        nothing is in the file that nobody sent."""
        for m in self.ledger.accepted():
            row = self.outbox.get(m.key)
            if row is None:
                self.fault(f"{m}: accepted, and there is no row", m)
            elif m.aborted and row["state"] != 4:
                self.fault(f"{m}: aborted, and yet "
                           f"{STATES[row['state']]}", m)
            elif row["state"] == 4 and not m.abort_asked:
                self.fault(f"{m}: nobody aborted it", m)
            elif row["state"] == 3:
                self.fault(f"{m}: dead: {row['last_error']}", m)
        for key in self.outbox:
            if self.ledger.find(*key) is None:
                self.fault(f"a row that nobody sent: {key}")

    def wanted(self, m, reader):
        """How often may a reader have it: (least, most)."""
        keys = self.readers[reader]
        own = keys[0]
        row = self.outbox.get(m.key)
        aborted = row is not None and row["state"] == 4
        if m.target == BROADCAST:
            return 0, 0 if m.sender == own else 1
        if m.target not in keys:
            return 0, 0
        if own in m.deleted:
            return 0, 0
        return (0 if aborted or not m.accepted else 1), 1

    def check_inboxes(self):
        for reader, items in self.inboxes.items():
            got = collections.Counter()
            for i in items:
                if i["sender_pubkey"] == "system":
                    self.fault(f"{reader}: a notice: {i['body']}")
                    continue
                m = self.ledger.find(i["sender_pubkey"],
                                     i["client_message_id"])
                if m is None:
                    self.fault(f"{reader} has what nobody sent: {i}")
                    continue
                got[m.key] += 1
                self.check_item(reader, i, m)
            for m in list(self.ledger.messages.values()):
                least, most = self.wanted(m, reader)
                if got[m.key] < least:
                    self.fault(f"LOST: {m} is not with {reader}", m)
                elif got[m.key] > most:
                    what = "DOUBLE" if most else "MISPLACED or back"
                    self.fault(f"{what}: {m} is {got[m.key]} times with"
                               f" {reader}", m)
            self.check_order(reader, items)

    def check_item(self, reader, i, m):
        if i["body"] != m.body:
            self.fault(f"{reader}: {m}: the body is {i['body'][:60]!r}", m)
        if m.target != BROADCAST and i["recipient_pubkey"] != m.target:
            self.fault(f"{reader}: {m}: for {i['recipient_pubkey']}", m)
        if (i["encrypted"], i["authenticated"]) != (m.target != BROADCAST,) * 2:
            self.fault(f"{reader}: {m}: encrypted {i['encrypted']}, "
                       f"authenticated {i['authenticated']}", m)

    def check_order(self, reader, items):
        """Promise 6, per (session, target, priority).  A broadcast comes to
        a session and to its member, over two connections; a session that
        missed one may see its member's, so those are two orders."""
        last = {}
        for i in items:
            m = self.ledger.find(i["sender_pubkey"], i["client_message_id"])
            if m is None:
                continue
            lane = *m.lane, i["recipient_pubkey"]
            before = last.get(lane)
            if before is not None and before.number > m.number:
                self.fault(f"DISORDER: {reader} has {m} (number {m.number})"
                           f" after number {before.number}", m)
            last[lane] = m

    def check_events(self):
        """Section 7: who followed the events had every row once, in order;
        rows deleted meanwhile may be among them or not."""
        for sub in self.storm.subscribers:
            name = sub.session.name
            items = self.inboxes[name]
            if items:
                try:
                    wait_for(lambda: any(e.data["id"] == items[-1]["id"]
                                         for e in sub.events()), 60,
                             f"{sub.name}: the newest is missing", 0.2)
                except AssertionError as e:
                    self.fault(str(e))
            ids = [e.data["id"] for e in sub.events()]
            if len(ids) != len(set(ids)):
                self.fault(f"{sub.name}: a copy")
            sequences = [int(e.id.rsplit("-", 1)[1]) for e in sub.events()]
            if sequences != sorted(sequences):
                self.fault(f"{sub.name}: out of order")
            missing = [i["id"] for i in items if i["id"] not in set(ids)]
            if missing:
                self.fault(f"{sub.name}: {len(missing)} of {len(items)} are"
                           f" missing, the first {missing[0]}")

    # --- telling ---

    def history(self, m):
        """Of a message: what the clients saw, what the files say."""
        lines = [self.ledger.history(m)]
        lines.append(f"  outbox: {self.outbox.get(m.key)}")
        for d in self.storm.daemons:
            for r in d.query(
                    "SELECT seq, id, kind, state, recipient, broker_message_id,"
                    " received_at FROM inbox WHERE sender = ? AND"
                    " client_message_id = ?", *m.key):
                r["received"] = self.ledger.at(r.pop("received_at") / 1000)
                lines.append(f"  inbox of {d.name}: {r}")
        for r in self.storm.pair.broker_query(
                "SELECT m.seq, m.message_id, m.created_at, m.delivered_at"
                " FROM message m JOIN peer_key k ON k.id = m.sender"
                " WHERE k.pubkey = ? AND m.client_id = ?",
                bytes.fromhex(m.sender), m.cid):
            for k in "created_at", "delivered_at":
                r[k] = r[k] and self.ledger.at(r[k] / 1000)
            lines.append(f"  broker: {r}")
        return "\n".join(lines)

    def summary(self):
        ledger, storm = self.ledger, self.storm
        took = time.time() - ledger.began
        done = ledger.accepted()
        direct = [m for m in done if m.target != BROADCAST]
        return (f"{len(done)} messages accepted ({len(done) - len(direct)}"
                f" broadcasts), {sum(map(len, self.inboxes.values()))} rows"
                f" in {len(self.inboxes)} inboxes,"
                f" {sum(len(m.deleted) for m in done)} deleted,"
                f" {sum(m.aborted for m in done)} aborted,"
                f" {storm.killer.count} kills"
                f" {dict(sorted(storm.killer.by_role.items()))},"
                + (f" network {dict(sorted(storm.proxy.count.items()))},"
                   if storm.proxy else "") +
                f" slowest answer {storm.slowest[0]:.1f} s"
                f" ({storm.slowest[2]}), {took:.0f} s in all")
