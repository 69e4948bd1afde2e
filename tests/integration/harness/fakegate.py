"""A local API that answers as a test tells it, for the command's side."""

import http.server
import json
import pathlib
import shutil
import socketserver
import subprocess
import tempfile
import threading
import urllib.parse

from .prefix import SLOW, binary


class Asked:
    """One request as it came."""

    def __init__(self, method, target, headers, body):
        self.method = method
        url = urllib.parse.urlsplit(target)
        self.raw_path = url.path
        self.path = urllib.parse.unquote(url.path)
        self.query = dict(urllib.parse.parse_qsl(url.query,
                                                 keep_blank_values=True))
        self.headers = headers
        self.json = json.loads(body) if body else None

    def __repr__(self):
        return f"<{self.method} {self.path} {self.query} {self.json}>"


class _Handler(http.server.BaseHTTPRequestHandler):
    def _any(self):
        n = int(self.headers.get("Content-Length") or 0)
        asked = Asked(self.command, self.path, self.headers,
                      self.rfile.read(n))
        gate = self.server.gate
        gate.asked.append(asked)
        answer = gate.answer(asked)
        if answer is None:          # the daemon dies instead of answering
            self.close_connection = True
            return
        status, body, *more = answer
        text = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in (more[0] if more else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = _any

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class FakeGate:
    """`answer` is a function of Asked that gives (status, object[, headers]),
    or None to close without an answer; `asked` is what was."""

    def __init__(self, answer=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="mf-", dir="/tmp"))
        self.socket = str(self.root / "daemon.sock")
        self.answer = answer
        self.asked = []
        self._server = _Server(self.socket, _Handler)
        self._server.gate = self
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def env(self):
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                "HOME": str(self.root)}

    def argv(self, *args):
        return [binary(), "--socket", self.socket, *args]

    def command(self, *args, deadline=30.0, **kw):
        """Run a verb: a CompletedProcess with text output."""
        return subprocess.run(
            self.argv(*args), env=self.env, text=True, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=deadline * SLOW, **kw)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        shutil.rmtree(self.root, ignore_errors=True)
