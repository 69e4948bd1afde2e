"""A host of the Model Context Protocol, over the pipes of `meshsup mcp`."""

import json
import os
import subprocess
import threading
import time

from .prefix import SLOW
from .wait import remaining, wait_for

VERSION = "2025-06-18"


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error)
        self.code = error["code"]
        self.message = error["message"]


class Host:
    """Starts the bridge and reads what it says in a thread.

    `lines` is every line as it came, `messages` the same as objects;
    `reading` is an event: nothing is read while it is cleared.  A line that
    is not whole at the end is a fault, unless `may_be_cut`.
    """

    def __init__(self, argv, env, shake=True, version=VERSION):
        self.lines = []
        self.messages = []
        self.reading = threading.Event()
        self.reading.set()
        self.ended = False
        self.rest = b""
        self.may_be_cut = False
        self._id = 0
        self._new = threading.Condition()
        self.p = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.err = b""
        self._threads = [threading.Thread(target=t, daemon=True)
                         for t in (self._read, self._read_err)]
        for t in self._threads:
            t.start()
        if shake:
            self.hello = self.initialize(version)
            self.notify("notifications/initialized")

    # --- pipes ---

    def _read(self):
        rest = b""
        while True:
            self.reading.wait()
            piece = os.read(self.p.stdout.fileno(), 65536)
            if not piece:
                break
            *whole, rest = (rest + piece).split(b"\n")
            with self._new:
                for line in whole:
                    self.lines.append(line)
                    self.messages.append(as_message(line))
                self._new.notify_all()
        with self._new:
            self.rest = rest
            self.ended = True
            self._new.notify_all()

    def _read_err(self):
        for line in self.p.stderr:
            self.err += line

    def write(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def put(self, *messages):
        self.write(b"".join(json.dumps(m).encode() + b"\n"
                            for m in messages))

    # --- the protocol ---

    def notify(self, method, **params):
        self.put({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method, **params):
        """Put a request; its id."""
        self._id += 1
        self.put({"jsonrpc": "2.0", "id": self._id, "method": method,
                  "params": params})
        return self._id

    def wait(self, where, deadline=15.0, what="a message"):
        """The first message for which where(message) holds."""
        end = time.monotonic() + deadline * SLOW
        with self._new:
            while True:
                for m in self.messages:
                    if where(m):
                        return m
                assert remaining(end) and not self.ended, (
                    f"no {what}; got {self.messages[-5:]}, {self.err[-500:]}")
                self._new.wait(min(1, remaining(end)))

    def answer(self, id, deadline=15.0):
        m = self.wait(lambda m: isinstance(m, dict) and m.get("id") == id
                      and "method" not in m, deadline, f"answer to {id}")
        if "error" in m:
            raise RpcError(m["error"])
        return m["result"]

    def call(self, method, **params):
        return self.answer(self.ask(method, **params))

    def initialize(self, version=VERSION):
        return self.call("initialize", protocolVersion=version,
                         capabilities={},
                         clientInfo={"name": "test", "version": "1"})

    def tool_any(self, name, deadline=30.0, **arguments):
        """(text, is it an error)"""
        r = self.answer(self.ask("tools/call", name=name,
                                 arguments=arguments), deadline)
        assert [c["type"] for c in r["content"]] == ["text"]
        return r["content"][0]["text"], r["isError"]

    def tool(self, name, **arguments):
        text, failed = self.tool_any(name, **arguments)
        assert not failed, text
        return text

    def tool_error(self, name, **arguments):
        text, failed = self.tool_any(name, **arguments)
        assert failed, text
        return text

    # --- the channel ---

    def channel(self, kind=None):
        """Notifications so far: of messages, or of that kind."""
        with self._new:
            all = [m["params"] for m in self.messages
                   if isinstance(m, dict) and
                   m.get("method") == "notifications/claude/channel"]
        for n in all:
            assert set(n) == {"content", "meta"}
            assert all and isinstance(n["content"], str)
            assert all_strings(n["meta"]), n
        return [n for n in all if n["meta"].get("kind") == kind]

    def contents(self):
        return [n["content"] for n in self.channel()]

    def wait_channel(self, where=lambda n: True, kind=None, deadline=15.0):
        """The first notification of that kind for which where holds."""
        def found():
            return [n for n in self.channel(kind) if where(n)]
        return wait_for(found, deadline, "a notification; got "
                        f"{self.channel(kind)[-3:]}")[0]

    def wait_content(self, text, **kw):
        return self.wait_channel(lambda n: n["content"] == text, **kw)

    def wait_welcome(self):
        return self.wait_channel(kind="welcome", deadline=20)

    # --- the end ---

    def wait_end(self, deadline=10.0):
        """Its exit status."""
        return self.p.wait(deadline * SLOW)

    def memory_kib(self):
        """What it holds; always 0 under a sanitizer, which frees nothing."""
        with open(f"/proc/{self.p.pid}/status") as f:
            kib = dict(line.split()[:2] for line in f
                       if line.startswith("Vm"))
        return 0 if int(kib["VmSize:"]) > 1 << 30 else int(kib["VmRSS:"])

    def close(self):
        self.reading.set()
        if not self.p.stdin.closed:
            try:
                self.p.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self.wait_end()
        finally:
            if self.p.poll() is None:
                self.p.kill()
                self.p.wait()
            for t in self._threads:
                t.join(5)
            self.p.stdout.close()
            self.p.stderr.close()
        assert self.may_be_cut or not self.rest, self.rest[-200:]
        bad = [m for m in self.messages if isinstance(m, bytes)]
        assert not bad, f"no JSON: {bad[0][:500]}"
        assert b"Sanitizer" not in self.err and \
            b"runtime error" not in self.err, self.err.decode()


def as_message(line):
    """One JSON value, or the line, which close() then complains of."""
    try:
        return json.loads(line.decode())
    except ValueError:
        return line


def all_strings(meta):
    return all(isinstance(v, str) for v in meta.values())


def token_env(session):
    """What names the token of a session to a process."""
    path = session.daemon.root / f"{session.session_id}.token"
    path.write_text(session.token + "\n")
    return {"MESHSUP_TOKEN_FILE": str(path)}


def bridge(make, daemon, session=None, *options, env=None, **kw):
    """A host with the bridge of a session (or of the member), kept by make
    (or make_shared)."""
    more = {**(token_env(session) if session is not None else {}),
            **(env or {})}
    return make.keep(Host(daemon.argv("mcp", *options),
                          {**daemon.env, **more}, **kw))
