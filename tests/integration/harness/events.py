"""A reader of GET /v1/events: server-sent events in a thread."""

import http.client
import json
import threading
import time

from .api import Connection
from .prefix import SLOW
from .wait import remaining


class Event:
    def __init__(self, id, kind, data):
        self.id = id
        self.kind = kind
        self.data = data

    def __repr__(self):
        return f"<{self.kind} {self.id} {self.data}>"


class Events:
    """Reads from its making until close() or the end of the stream.

    `all` is every event so far, `comments` every comment line.
    """

    def __init__(self, api, last_id=None, query="", deadline=5.0):
        headers = {"Accept": "text/event-stream", **api.credentials()}
        if last_id:
            headers["Last-Event-ID"] = last_id
        self.all = []
        self.comments = []
        self.ended = False
        self._new = threading.Condition()
        self._conn = Connection(api.address, 30 * SLOW)
        self._conn.request("GET", "/v1/events" + query, headers=headers)
        self.response = self._conn.getresponse()
        self.status = self.response.status
        if self.status != 200:
            self.body = self.response.read()
            self._conn.close()
            self.ended = True
            return
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        # From here on nothing that happens can be missed.
        self._wait(lambda: "connected" in self.comments, deadline,
                   "no ': connected'")

    def _read(self):
        id = kind = None
        data = []
        try:
            while True:
                line = self.response.readline()
                if not line:
                    break
                line = line.decode().rstrip("\r\n")
                if line.startswith(":"):
                    with self._new:
                        self.comments.append(line[1:].strip())
                        self._new.notify_all()
                elif line == "":
                    if data:
                        with self._new:
                            self.all.append(Event(
                                id, kind or "message",
                                json.loads("\n".join(data))))
                            self._new.notify_all()
                    id = kind = None
                    data = []
                else:
                    name, _, value = line.partition(":")
                    value = value[1:] if value.startswith(" ") else value
                    if name == "id":
                        id = value
                    elif name == "event":
                        kind = value
                    elif name == "data":
                        data.append(value)
        except (OSError, ValueError, AttributeError,
                http.client.HTTPException):
            pass
        with self._new:
            self.ended = True
            self._new.notify_all()

    def _wait(self, predicate, deadline, what):
        end = time.monotonic() + deadline * SLOW
        with self._new:
            while not predicate():
                if not remaining(end):
                    raise AssertionError(f"{what}; got {self.all[-5:]}")
                self._new.wait(remaining(end))

    def of(self, kind):
        with self._new:
            return [e for e in self.all if e.kind == kind]

    def messages(self):
        return self.of("message")

    def wait(self, kind="message", where=lambda e: True, deadline=10.0):
        """The first event of that kind for which where(event) holds."""
        def found():
            return [e for e in self.all if e.kind == kind and where(e)]
        self._wait(found, deadline, f"no {kind} event")
        with self._new:
            return found()[0]

    def wait_count(self, count, kind="message", deadline=10.0):
        self._wait(lambda: len([e for e in self.all if e.kind == kind])
                   >= count, deadline, f"fewer than {count} {kind} events")
        return self.of(kind)

    def wait_end(self, deadline=10.0):
        self._wait(lambda: self.ended, deadline, "the stream did not end")

    def close(self):
        sock = self._conn.sock or getattr(self.response.fp, "raw", None)
        if sock is not None:
            try:
                sock = getattr(sock, "_sock", sock)
                sock.shutdown(2)
            except OSError:
                pass
        if not self.ended:
            self._thread.join(5)
        self._conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
