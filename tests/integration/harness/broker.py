"""The embedded broker by itself: `meshsup broker`."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from . import daemon
from .keeper import Keeper
from .keys import Member
from .peer import Peer
from .prefix import SLOW, binary


class BrokerProcess:
    """A broker with a file of its own; start() again uses the same port."""

    def __init__(self, *options):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="mb-", dir="/tmp"))
        self.db = self.root / "broker.db"
        self.options = options
        self.keeper = Keeper()
        self.env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C",
                    "HOME": str(self.root)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.port = 0
        self.running = None
        self.peers = []
        self.runs = []

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/ws"

    def add_member(self, mesh, name):
        """A new member, its mesh made when it is not there yet."""
        m = Member(None, slug=mesh, name=name)
        out = subprocess.run(
            [binary(), "broker", "--db", str(self.db), "--add-member",
             f"{mesh}:{m.key.pub}:{name}"], env=self.env, text=True,
            capture_output=True, timeout=20 * SLOW)
        assert out.returncode == 0, out
        said = json.loads(out.stdout)
        assert said["slug"] == mesh
        m.mesh_id, m.member_id = said["meshId"], said["memberId"]
        return m

    def start(self, *options):
        self.running = self.keeper.spawn(
            [binary(), "broker", "--listen", f"127.0.0.1:{self.port}",
             "--db", str(self.db), *self.options, *options], self.env)
        self.runs.append(self.running)
        m = self.running.wait_out(
            lambda o: re.search(r"^listening on 127\.0\.0\.1:(\d+)$", o,
                                re.M))
        assert m, (self.running.exit, self.running.out, self.running.err)
        self.port = int(m.group(1))
        return self

    def kill(self, sig=signal.SIGKILL):
        """End it; the exit code."""
        os.kill(self.running.pid, sig)
        return self.running.wait(15)

    def peer(self, member, session=True, connect=True, **hello):
        """A session (or, with session=False, a member) connected to it."""
        p = Peer(self.url, member, session=session, **hello)
        self.peers.append(p)
        if connect:
            p.connect()
        return p

    def output(self):
        return "".join(r.out + r.err for r in self.runs)

    def close(self):
        faults = []
        for p in self.peers:
            p.close()
        if self.running and self.running.exit is None:
            code = self.kill(signal.SIGTERM)
            if code != 0:
                faults.append(f"broker: exit {code} after SIGTERM")
        left = self.keeper.processes()
        if left:
            faults.append(f"processes left: {left}")
        self.keeper.close()
        shutil.rmtree(self.root, ignore_errors=True)
        text = self.output()
        m = daemon.SANITIZER.search(text)
        if m:
            faults.append("sanitizer report:\n" + text[m.start():][:6000])
        if '"level":"error"' in text.replace(" ", ""):
            faults.append("error lines: " + text[-3000:])
        assert not faults, "\n".join(faults)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
