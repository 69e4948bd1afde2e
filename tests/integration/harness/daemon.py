"""meshsup itself, in a directory of its own."""

import json
import os
import pathlib
import re
import secrets as rnd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from .api import Api, Gone
from .events import Events
from .keeper import Keeper
from .keys import minted_id
from .prefix import SLOW, binary
from .wait import remaining, wait_for

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior"
                       r"|runtime error:|ERROR: .*Sanitizer")

# Verbs of two words: all that begin so, and of those that may stand alone.
TWO_WORDS = {"group", "memory", "mesh", "outbox", "presence", "profile",
             "schedule", "session", "skill", "state", "topic"}
MORE = {"inbox": {"delete", "flush", "seen"},
        "peers": {"ban", "bans", "disconnect", "kick", "unban"}}

# Daemons that are not closed yet: a failed test shows their logs.
living = []


class Daemon:
    """One supervisor with its state, run and configuration directory.

    config is the text of the INI file, meshes a list of contents of mesh
    files (none at all: the daemon makes its own mesh `local`).  A stop does
    not wait for what a broker of a test never answers, unless config says so.
    """

    def __init__(self, config="", meshes=(), env=None):
        # Short: what is below it must fit sun_path.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
        os.chmod(self.root, 0o755)
        self.state_dir = self.root / "s"
        self.run_dir = self.root / "r"
        self.config = self.root / "c"
        if "drain_timeout" not in config:
            config += "\n[daemon]\ndrain_timeout = 200ms\n"
        self.config.write_text(config)
        self.socket = str(self.run_dir / "daemon.sock")
        self.admin_socket = str(self.run_dir / "admin.sock")
        self.secrets = set()        # strings that no log line may hold
        self.expected_errors = []   # patterns of error lines that are right
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                    "HOME": str(self.root / "home"), **(env or {})}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.env.setdefault(name, os.environ[name])
        self.keeper = Keeper()
        for mesh in meshes:
            self.add_mesh(mesh)
        living.append(self)

    # --- files ---

    def add_mesh(self, mesh):
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        folder = self.state_dir / "meshes.d"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{mesh['slug']}.json"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as f:
            json.dump(mesh, f)
        self.secrets.add(mesh["secretKey"])

    @property
    def log_path(self):
        return self.state_dir / "meshsup.log"

    def log_text(self):
        try:
            return self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def log(self):
        """The log as objects; what is not JSON is {"raw": line}."""
        lines = []
        for line in self.log_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"raw": line})
        return lines

    def wait_log(self, pattern, deadline=10.0):
        return wait_for(lambda: [x for x in self.log() if re.search(
            pattern, x.get("msg", ""))], deadline, f"log line {pattern}")[0]

    def query(self, sql, *args):
        """Rows of mesh.db, read as anybody may who can open the file."""
        path = self.state_dir / "store" / "mesh.db"
        end = time.monotonic() + 5 * SLOW
        while True:
            db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
            try:
                db.row_factory = sqlite3.Row
                return [dict(r) for r in db.execute(sql, args)]
            except sqlite3.OperationalError:
                # The writer starts or resets its log just now.
                if not remaining(end):
                    raise
                time.sleep(0.01)
            finally:
                db.close()

    # --- the command ---

    def argv(self, *args):
        """A verb for this daemon."""
        if args[0] == "start":
            extra = ["--config", str(self.config),
                     "--state-dir", str(self.state_dir),
                     "--run-dir", str(self.run_dir)]
        elif args[0] in ("version", "help"):
            extra = []
        else:
            extra = ["--run-dir", str(self.run_dir)]
        words = 2 if args[0] in TWO_WORDS or \
            args[0] in MORE and args[1:2] and args[1] in MORE[args[0]] else 1
        return [binary(), *args[:words], *extra, *args[words:]]

    def command(self, *args, deadline=30.0, env=None, stdin=None):
        """Run a verb: a CompletedProcess with text output."""
        return subprocess.run(
            self.argv(*args), env={**self.env, **(env or {})}, text=True,
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin, capture_output=True, timeout=deadline * SLOW)

    def ms(self, *args, **kw):
        """A verb that must do: its stdout."""
        r = self.command(*args, **kw)
        assert r.returncode == 0, (args, r.returncode, r.stdout, r.stderr)
        return r.stdout

    # --- life ---

    def start_any(self, *extra, deadline=30.0):
        """meshsup start, whatever comes of it: a keeper.Running."""
        return self.keeper.run(self.argv("start", *extra), self.env,
                               cwd=str(self.root), deadline=deadline)

    def start(self, *extra):
        r = self.start_any(*extra)
        assert r.exit == 0, f"start: {r.exit} {r.out} {r.err}" + self.tail()
        assert not r.held, "the daemon holds the output of meshsup start"
        return self

    def stop(self, deadline=5.0):
        """meshsup stop; every process gone within the deadline."""
        begin = time.monotonic()
        self.ms("stop", deadline=deadline + 10)
        self.wait_gone(max(0.1, deadline - (time.monotonic() - begin)))
        self.secrets_of_state()

    def wait_gone(self, deadline=5.0):
        wait_for(lambda: not self.keeper.processes(), deadline,
                 f"processes left: {self.keeper.processes()}")

    def status(self):
        r = self.command("status", "--json")
        assert r.returncode == 0, r
        return json.loads(r.stdout)

    def processes(self, role=None, session=None):
        """Rows of status; session may be a Session or an id."""
        rows = self.status()["processes"]
        if role:
            rows = [p for p in rows if p["role"] == role]
        if session is not None:
            rows = [p for p in rows if is_of(p, session)]
        return rows

    def process(self, role, session=None):
        rows = self.processes(role, session)
        assert len(rows) == 1, (role, session, self.status()["processes"])
        return rows[0]

    def pid(self, role, session=None):
        return self.process(role, session)["pid"]

    def kill(self, role, session=None, sig=signal.SIGKILL):
        """Signal one process; its pid.  It must be one of ours."""
        pid = wait_for(lambda: self.pid(role, session), 10,
                       f"a {role} to kill")
        mine = [p["pid"] for p in self.keeper.processes()]
        assert pid in mine, (role, pid, mine)
        os.kill(pid, sig)
        return pid

    def wait_restarted(self, role, old_pid, session=None, deadline=15.0):
        """The row of the process that took the place of old_pid."""
        def fresh():
            rows = self.processes(role, session)
            return [p for p in rows if p["pid"] not in (0, None, old_pid)]
        return wait_for(fresh, deadline, f"no new {role}")[0]

    # --- clients ---

    def api(self, token=None, admin=False, address=None, bearer=None):
        address = address or (self.admin_socket if admin else self.socket)
        return Api(address, token, self.secrets, bearer=bearer)

    def register(self, name, mesh="local", wait_open=True, **fields):
        """A session of ours; fields go into the body as they are."""
        s = Session(self, name, mesh, fields)
        s.register()
        if wait_open:
            s.wait_open()
        return s

    # --- the end ---

    def secrets_of_state(self):
        """Secrets that the daemon made itself."""
        for path in (self.state_dir / "meshes.d").glob("*.json"):
            m = re.search(r'"secretKey"\s*:\s*"(\w+)"', path.read_text())
            if m:
                self.secrets.add(m.group(1))
        key = self.state_dir / "host.key"
        if key.exists():
            self.secrets.add(key.read_bytes().hex())

    def tail(self, lines=60):
        last = self.log_text().splitlines()[-lines:]
        return f"\n--- {self.log_path} ---\n" + "\n".join(last)

    def check(self):
        """What must hold of every log, whatever the test was about."""
        text = self.log_text()
        m = SANITIZER.search(text)
        assert not m, "sanitizer report:\n" + text[m.start():][:6000]
        bad = [x for x in self.log() if x.get("level") == "error" and
               not any(re.search(p, x["msg"]) for p in self.expected_errors)]
        assert not bad, f"error lines nobody expected: {bad[:5]}"
        for s in self.secrets:
            assert s not in text, f"the log holds {s[:12]!r}..., a secret"

    def close(self):
        """End what lives, check, and remove the directory."""
        if self not in living:
            return
        living.remove(self)
        faults = []
        try:
            if self.keeper.processes():
                try:
                    self.secrets_of_state()
                    self.command("stop", deadline=15)
                    self.wait_gone()
                except (AssertionError, OSError, ValueError,
                        subprocess.SubprocessError) as e:
                    faults.append(f"stop: {e}")
            try:
                self.check()
            except AssertionError as e:
                faults.append(str(e))
        finally:
            self.keeper.close()
            if os.environ.get("MESHSUP_KEEP"):
                print(f"kept {self.root}")
            else:
                shutil.rmtree(self.root, ignore_errors=True)
        assert not faults, "\n".join(faults)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def is_of(process, session):
    """Is a row of status about that session?"""
    if isinstance(session, Session):
        return process.get("session") == session.session_id
    return process.get("session") == session


class Session:
    """A session that this test registered, and what it may do."""

    def __init__(self, daemon, name, mesh, fields):
        self.daemon = daemon
        self.name = name
        self.mesh = mesh
        self.token = fields.pop("token", None) or rnd.token_hex(32)
        self.session_id = fields.pop("session_id", None) or minted_id()
        self.pid = fields.pop("pid", None) or os.getpid()
        self.fields = fields
        self.pubkey = None
        self.api = daemon.api(self.token)

    def body(self):
        return {"token": self.token, "session_id": self.session_id,
                "mesh": self.mesh, "display_name": self.name,
                "pid": self.pid, **self.fields}

    def register(self):
        self.api.close()        # perhaps to a daemon that is gone
        r = self.api.post("/v1/sessions/register", self.body(), auth=False)
        assert r.status == 200, r
        self.pubkey = r.json["session_pubkey"]
        return r

    def me(self):
        r = self.api.get("/v1/sessions/me")
        assert r.status == 200, r
        return r.json["session"]

    def state(self):
        try:
            return self.me()["state"]
        except Gone:
            return None

    def wait_state(self, state, deadline=15.0):
        return wait_for(lambda: self.state() == state, deadline,
                        f"{self.name} is not {state}")

    def wait_open(self, deadline=15.0):
        wait_for(lambda: self.state() == "open", deadline,
                 f"{self.name} is not open")

    def events(self, **kw):
        return Events(self.api, **kw)

    def send(self, to, message, **fields):
        return self.api.send(key_of(to), message, **fields)

    def inbox(self, *query):
        return self.api.inbox(*query)

    def outbox(self, *query):
        return self.api.outbox(*query)

    def all_inbox(self):
        """Every row of the inbox, oldest first, in pages."""
        def page(since):
            q = "limit=1000&mark_seen=false"
            return self.api.inbox(q + (f"&since={since}" if since else ""))
        rows, seen, since = [], set(), None
        # `since` is a time: pages overlap, ids tell what is new.
        while True:
            items = page(since)
            new = [i for i in reversed(items) if i["id"] not in seen]
            rows += new
            seen |= {i["id"] for i in new}
            if len(items) < 1000 or not new:
                return rows
            since = items[0]["received_at"]

    def wait_inbox(self, count, deadline=15.0):
        """At least count rows, newest first."""
        return wait_for(lambda: (lambda i: len(i) >= count and i)(
            self.inbox()), deadline, f"{self.name}: {count} messages")


def key_of(target):
    return target.pubkey if isinstance(target, Session) else target
