"""A steady load on one daemon, its retention made to pass, and samples of how
large mesh.db is (see soak)."""

import json
import os
import socket
import threading
import time

from harness import SLOW, Daemon, wait_for
from shifted import HOUR, Clock

WINDOWS = 20            # retentions that pass in a soak
BODY = "x" * 2000
BACKLOG = 2000          # rows under way, at most
SLACK = 2 << 20         # bytes, besides a quarter more


class Environment:
    """As much of pytest's monkeypatch as a Tree wants."""

    @staticmethod
    def setenv(name, value):
        os.environ[name] = value


class Sender(threading.Thread):
    """Sends over one kept connection, with as little Python as may be."""

    def __init__(self, soak, number, sender, recipient):
        super().__init__(daemon=True)
        self.soak, self.number = soak, number
        self.sender, self.recipient = sender, recipient
        self.socket = None
        self.sent = 0
        self.fault = None

    def run(self):
        try:
            while self.sent < self.soak.each and not self.soak.stopped:
                if self.soak.full:
                    time.sleep(0.01)
                    continue
                if self.post(f"{self.number}-{self.sent}") in (200, 202):
                    self.sent += 1
                else:
                    time.sleep(0.05)
        except Exception as e:      # noqa: the soak reports it
            self.fault = e

    def post(self, cid):
        """The status; 0 when the connection was lost."""
        body = json.dumps({"to": self.recipient.pubkey, "message": BODY,
                           "client_message_id": cid}).encode()
        head = (f"POST /v1/send HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: ClaudeMesh-Session {self.sender.token}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        try:
            if self.socket is None:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.settimeout(15 * SLOW)
                self.socket.connect(self.soak.daemon.socket)
            self.socket.sendall(head + body)
            return self.answer()
        except OSError:
            self.close()
            return 0

    def answer(self):
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.more()
        head, _, rest = got.partition(b"\r\n\r\n")
        low = head.lower()
        length = int(low.partition(b"content-length:")[2].split()[0])
        while len(rest) < length:
            rest += self.more()
        if b"connection: close" in low:
            self.close()
        return int(head.split()[1])

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError
        return piece

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None


class Soak:
    """clients send `messages` in all."""

    def __init__(self, messages, clients=4, retention="1h"):
        self.each = messages // clients
        self.messages = self.each * clients
        self.stopped = self.full = False
        self.daemon = None
        self.clock = Clock(Environment)
        try:
            self.daemon = Daemon(f"[store]\nretention = {retention}\n")
            self.daemon.start()
            a, b = (self.daemon.register(n) for n in ("alice", "bob"))
            self.senders = [Sender(self, n, *((a, b) if n % 2 else (b, a)))
                            for n in range(clients)]
        except BaseException:
            self.close()
            raise

    def sizes(self):
        """Bytes of mesh.db, of its log, and of the broker's file."""
        store = self.daemon.state_dir / "store"
        found = []
        for path in (store / "mesh.db", store / "mesh.db-wal",
                     *self.daemon.state_dir.glob("**/broker.db")):
            try:
                found.append(path.stat().st_size)
            except FileNotFoundError:
                found.append(0)
        return found

    def open_rows(self):
        return self.daemon.query("SELECT count(*) AS n FROM outbox"
                                 " WHERE ended_at IS NULL")[0]["n"]

    def retention_passes(self):
        """An hour and a bit; a store prunes when it starts."""
        self.clock.step(HOUR + 60000)
        self.daemon.stop()
        self.daemon.start()

    def run(self, say):
        """(share sent, bytes of mesh.db and its log) once a second."""
        window, passed, samples = self.messages // WINDOWS, 0, []
        begun = time.monotonic()
        due = 0
        for s in self.senders:
            s.start()
        while any(s.is_alive() for s in self.senders):
            sent = sum(s.sent for s in self.senders)
            self.full = self.open_rows() > BACKLOG
            if sent >= (passed + 1) * window:
                passed += 1
                self.retention_passes()
            now = time.monotonic() - begun
            if now >= due:
                due = now + (1 if self.messages > 50000 else 0.2)
                db, wal, *broker = self.sizes()
                samples.append((sent / self.messages, db + wal))
                say(f"{now:7.1f} s {sent:8d} sent  mesh.db {db >> 10:7d}"
                    f" KiB  log {wal >> 10:6d} KiB  broker.db"
                    f" {sum(broker) >> 10:6d} KiB")
            time.sleep(0.02)
        for s in self.senders:
            s.close()
            if s.fault:
                raise s.fault
        wait_for(lambda: self.open_rows() == 0, 60, "rows still open")
        say(f"{self.messages} messages in {time.monotonic() - begun:.0f} s,"
            f" {passed} retentions passed")
        return samples

    def close(self):
        self.stopped = True
        try:
            if self.daemon:
                self.daemon.close()
        finally:
            self.clock.close()


def verdict(samples):
    """A sentence when it grew after the first quarter, or None."""
    early = max(size for share, size in samples if share <= 0.25)
    late = max(size for share, size in samples if share > 0.25)
    bound = early + early // 4 + SLACK
    if late > bound:
        return (f"it grew: {early >> 10} KiB at most in the first quarter,"
                f" {late >> 10} KiB after it, {bound >> 10} allowed")
    return None
