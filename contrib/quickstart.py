#!/usr/bin/python3
"""The main job of meshsup, shown with numbers: two sessions, 1,000 messages,
then 1,000 more while their workers are killed.  Exits non-zero unless every
message arrived exactly once and in order.  Needs nothing but Python."""

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

COUNT = 1000


class Unix(http.client.HTTPConnection):
    """HTTP over the daemon's socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Session:
    """A registered session, and its requests."""

    def __init__(self, sock, name):
        self.sock, self.name = sock, name
        self.token = secrets.token_hex(32)
        self.local = threading.local()
        answer = self.call("POST", "/v1/sessions/register", {
            "token": self.token, "session_id": name, "mesh": "local",
            "display_name": name, "pid": os.getpid(),
            "presence": {"mint": True}}, auth=False)
        self.key = answer["session_pubkey"]

    def call(self, method, path, body=None, auth=True):
        headers = {"Content-Type": "application/json"}
        if auth:
            headers["Authorization"] = "ClaudeMesh-Session " + self.token
        deadline = time.monotonic() + 10
        while True:
            conn = getattr(self.local, "conn", None) or Unix(self.sock)
            self.local.conn = conn
            try:
                conn.request(method, path,
                             json.dumps(body) if body is not None else None,
                             headers)
                answer = conn.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                self.local.conn = None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
                continue
            if answer.status in (503, 504) and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            if answer.status >= 300:
                sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
            return json.loads(text)


class Listener(threading.Thread):
    """Bob's event stream: when each message arrived."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.arrived = {}
        self.order = []
        self.ready = threading.Event()

    def run(self):
        conn = Unix(self.session.sock)
        conn.timeout = 60
        conn.request("GET", "/v1/events", headers={
            "Authorization": "ClaudeMesh-Session " + self.session.token})
        stream = conn.getresponse()
        for line in stream:
            if line.startswith(b": connected"):
                self.ready.set()
            elif line.startswith(b"data: "):
                event = json.loads(line[6:])
                if "body" in event and event["body"].startswith("q"):
                    self.order.append(event["body"])
                    self.arrived.setdefault(event["body"], time.monotonic())


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def progress(label, n, total):
    if sys.stdout.isatty():
        bar = "#" * (30 * n // total)
        print(f"\r  {label:<22} [{bar:<30}] {n:>5}/{total}", end="",
              flush=True)
        if n == total:
            print()
    elif n == total or n % (total // 4) == 0:
        print(f"  {label:<22} {n:>5}/{total}", flush=True)


def inbox(session):
    """Every message in the inbox, oldest first."""
    items = session.call("GET", "/v1/inbox?limit=1000&mark_seen=false")
    return [i["body"] for i in reversed(items["items"])]


def send_all(alice, bob, prefix, count, sent, on_sent):
    """In order, one after another: the order in which they are accepted."""
    for i in range(count):
        body = f"{prefix}{i:05d}"
        sent[body] = time.monotonic()
        alice.call("POST", "/v1/send", {
            "to": bob.key, "message": body, "client_message_id": body})
        on_sent(i + 1)


def wait_for(listener, count, seconds, label):
    deadline = time.monotonic() + seconds
    shown = -1
    while len(listener.arrived) < count and time.monotonic() < deadline:
        n = len(listener.arrived)
        if n // 50 != shown and sys.stdout.isatty():
            shown = n // 50
            progress(label, n, count)
        time.sleep(0.002)
    progress(label, len(listener.arrived), count)


def check(name, ok, detail=""):
    print(f"  {name:<44} {'yes' if ok else 'NO'}{detail}", flush=True)
    return ok


def worker_pids(meshsup, run_dir):
    text = subprocess.run([meshsup, "status", "--json", "--run-dir", run_dir],
                          check=True, capture_output=True).stdout
    return {p["name"]: p["pid"] for p in json.loads(text)["processes"]
            if p["role"] == "worker"}


def yardstick(work, session):
    """Seconds that this machine takes now, whatever else it does, for what
    cannot be had for less: as many answers, and writes to the disk."""
    path = os.path.join(work, "yardstick")
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    start = time.monotonic()
    for _ in range(COUNT):
        session.call("GET", "/v1/version")
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
    os.close(fd)
    os.unlink(path)
    return time.monotonic() - start


def quiet(work, alice, bob, listener):
    """1,000 messages with nothing in the way."""
    least = yardstick(work, alice)
    print("\n1,000 messages from alice to bob", flush=True)
    sent = {}
    start = time.monotonic()
    send_all(alice, bob, "q1-", COUNT, sent,
             lambda n: progress("accepted", n, COUNT) if n % 50 == 0 else None)
    accepted = time.monotonic() - start
    wait_for(listener, COUNT, 20, "delivered")
    if not listener.arrived:
        sys.exit("nothing arrived")
    total = max(listener.arrived.values()) - start
    delays = [1000 * (listener.arrived[b] - sent[b])
              for b in listener.arrived]
    got = inbox(bob)
    print(f"  accepted in {accepted:.2f} s, delivered in {total:.2f} s: "
          f"{COUNT / total:.0f} messages/s")
    print(f"  end to end: p50 {percentile(delays, 50):.1f} ms, "
          f"p99 {percentile(delays, 99):.1f} ms")
    want = [f"q1-{i:05d}" for i in range(COUNT)]
    ok = check("bob's inbox holds all, once", sorted(got) == want,
               f" ({len(got)} of {COUNT})")
    ok &= check("in order", got == want)
    if total < 2.0 or least < 2.0 / 3:
        return check("in under 2 s", total < 2.0) and ok
    # A slow disk, or a machine that is busy with something else.
    return check("in under three times what the machine takes",
                 total < 3 * least, f" ({least:.2f} s for {COUNT:,} writes "
                 "and answers alone)") and ok


def killed(meshsup, run_dir, alice, bob, listener):
    """1,000 more, with SIGKILL for both workers on the way."""
    print("\n1,000 more, and SIGKILL for both workers on the way", flush=True)
    listener.arrived.clear()
    listener.order.clear()
    sent = {}
    pids = worker_pids(meshsup, run_dir)

    def on_sent(n):
        if n % 50 == 0:
            progress("accepted", n, COUNT)
        if n in (COUNT // 3, COUNT // 2):
            name = "bob" if n == COUNT // 3 else "alice"
            os.kill(pids[name], signal.SIGKILL)
            if sys.stdout.isatty():
                print()
            print(f"  killed {name}'s worker, pid {pids[name]}", flush=True)

    send_all(alice, bob, "q2-", COUNT, sent, on_sent)
    wait_for(listener, COUNT, 60, "delivered")
    got = [b for b in inbox(bob) if b.startswith("q2-")]
    want = [f"q2-{i:05d}" for i in range(COUNT)]
    ok = check("bob's inbox holds all, once", sorted(got) == want,
               f" ({len(got)} of {COUNT})")
    return check("in order", got == want) and ok


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: quickstart.py /path/to/meshsup")
    meshsup = sys.argv[1]
    work = tempfile.mkdtemp(prefix="meshsup-quickstart-")
    run_dir = os.path.join(work, "run")
    places = ["--run-dir", run_dir]
    ok = False
    print(f"state and socket are in {work}", flush=True)
    try:
        subprocess.run([meshsup, "start", "--state-dir",
                        os.path.join(work, "state")] + places, check=True)
        sock = os.path.join(run_dir, "daemon.sock")
        alice, bob = Session(sock, "alice"), Session(sock, "bob")
        print(f"sessions: alice {alice.key[:8]}..., bob {bob.key[:8]}...")
        listener = Listener(bob)
        listener.start()
        listener.ready.wait(10)
        ok = quiet(work, alice, bob, listener)
        ok &= killed(meshsup, run_dir, alice, bob, listener)
        print()
        subprocess.run([meshsup, "status"] + places, check=False)
    except subprocess.CalledProcessError as error:
        print(f"failed: {error}", file=sys.stderr)
    finally:
        print()
        stopped = subprocess.run([meshsup, "stop"] + places, check=False)
        ok = ok and stopped.returncode == 0
        if ok:
            shutil.rmtree(work)
        else:
            print(f"the log is {work}/state/meshsup.log", file=sys.stderr)
    print("\nAll as promised." if ok else "\nNOT as promised, see above.")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
