"""Promise: on a full disk whoever asks is told so (507, and what to do), no
push is acknowledged that is not stored, nobody crashes, nothing that was
answered is lost, and all goes on by itself once there is room
(delivery.md sections 1 and 8).  Needs root, for a small tmpfs.
"""

import os
import secrets
import subprocess
import tempfile

import pytest

from faults import all_done, pids_of
from harness import Key, wait_for
from harness.keys import minted_id
from harness.world import World, body_list

SIZE = 16 << 20
BODY = "x" * 30000


class Disk:
    """A small file system, at the state directory of a daemon."""

    def __init__(self, path):
        self.path = path
        self._mounted = False
        path.mkdir(mode=0o700, exist_ok=True)
        r = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none",
             str(path)], capture_output=True, text=True)
        if r.returncode != 0:
            pytest.skip(f"cannot mount a tmpfs: {r.stderr.strip()}")
        self._mounted = True
        self.filler = path / "filler"

    def fill(self):
        """To the last byte."""
        with open(self.filler, "ab", buffering=0) as f:
            try:
                while f.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass

    def free(self):
        self.filler.unlink()

    def close(self):
        if self._mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=True)
            self._mounted = False


class Things:
    """The `make` of a World whose daemon lies on a small disk."""

    def __init__(self, make):
        self.make = make
        self.scripted = make.scripted

    def daemon(self, config="", meshes=()):
        d = self.make.daemon(config=config, start=False)
        # Unmounted after the daemon has been stopped and looked at.
        self.disk = Disk(d.state_dir)
        made = self.make.made
        made.insert(made.index(d), self.disk)
        for mesh in meshes:
            d.add_mesh(mesh)
        return d.start()


@pytest.fixture
def small(make):
    """A World, with its disk."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    things = Things(make)
    w = World(things)
    w.disk = things.disk
    return w


def send_until_full(session, to):
    """(ids taken, ids refused), until several were refused in a row."""
    taken, refused, row = [], [], 0
    for n in range(2 * SIZE // len(BODY)):
        cid = f"m-{n}"
        r = session.api.send(to, BODY + str(n), client_message_id=cid)
        if r.status == 202:
            taken.append(cid)
            row = 0
            continue
        assert r.status == 507, r
        assert r.error == "disk_full" and "room" in r.json["detail"]
        assert int(r.headers["Retry-After"]) >= 1
        refused.append(cid)
        row += 1
        if row == 5:
            return taken, refused
    raise AssertionError("the disk never filled")


def test_full_disk(small):
    daemon, broker = small.daemon, small.broker
    alice, bob = small.register("alice"), Key()
    conn = alice.conn()
    daemon.secrets = {s for s in daemon.secrets if len(s) < 1000}
    pids = pids_of(daemon)
    small.disk.fill()
    taken, refused = send_until_full(alice, bob.pub)

    # What is pushed now is not acknowledged.
    pushes = [small.push(alice, f"pushed {n} " + BODY) for n in range(5)]
    conn.put(*pushes)
    for n in range(3):
        r = alice.api.send(bob.pub, BODY, client_message_id=f"late-{n}")
        assert r.status == 507, r
    stored = {r["broker_message_id"] for r in daemon.query(
        "SELECT broker_message_id FROM inbox")}
    assert len(stored) < len(pushes)
    assert {f["brokerMessageId"] for f in conn.of("client_ack")} <= stored
    assert pids_of(daemon) == pids
    wait_for(lambda: [x for x in daemon.log()
                      if "no space left: free some" in x.get("msg", "")], 5)

    small.disk.free()
    for cid in refused:
        alice.api.send_until_taken(bob.pub, BODY + cid[2:], cid)
    wait_for(lambda: {f["brokerMessageId"] for c in broker.conns
                      for f in c.of("client_ack")} ==
             {p["messageId"] for p in pushes}, 30, "pushes not acknowledged")
    assert sorted(body_list(alice)) == sorted(
        f"pushed {n} " + BODY for n in range(5))
    all_done(alice, taken + refused)
    assert sorted({f["client_message_id"] for f in broker.sends}) == \
        sorted(taken + refused)
    assert pids_of(daemon) == pids      # nobody died of it
    assert daemon.query("PRAGMA integrity_check") == [
        {"integrity_check": "ok"}]


def test_put_on_a_full_disk_comes_again_to_a_new_worker(small):
    """The worker dies while it has pushes that could not be stored: the
    broker pushes them again, and each is in the inbox once."""
    daemon, broker = small.daemon, small.broker
    alice, bob = small.register("alice"), Key()
    conn = alice.conn()
    small.disk.fill()
    send_until_full(alice, bob.pub)
    pushes = [small.push(alice, f"pushed {n} " + BODY) for n in range(3)]
    conn.put(*pushes)
    daemon.kill("worker", alice)
    again = broker.wait_session(alice.pubkey, after=conn.number)
    again.put(*pushes)
    small.disk.free()
    wait_for(lambda: len(again.of("client_ack")) == 3, 30)
    assert sorted(body_list(alice)) == sorted(
        f"pushed {n} " + BODY for n in range(3))


def test_registration_on_a_full_disk(small):
    """sessions.db cannot grow: refused or kept, never half of it."""
    daemon = small.daemon
    alice = small.register("alice")
    pids = pids_of(daemon)
    small.disk.fill()
    refused = []
    for n in range(400):
        ask = {"token": secrets.token_hex(32), "session_id": minted_id(),
               "mesh": "acme", "display_name": f"s{n}", "pid": os.getpid(),
               "cwd": "/" + "d" * 900}
        daemon.secrets.add(ask["token"])
        r = daemon.api().post("/v1/sessions/register", ask)
        if r.status != 200:
            assert r.status in (503, 507), r
            assert len(r.json["detail"]) > 20
            refused.append(ask)
            if len(refused) == 3:
                break
        else:
            r = daemon.api().delete(f"/v1/sessions/{ask['token']}")
            assert r.status in (200, 503, 507), r
    assert len(refused) == 3, "the disk never filled"
    now = pids_of(daemon)
    assert {k: now[k] for k in pids} == pids
    small.disk.free()
    for ask in refused:
        def again():
            r = daemon.api().post("/v1/sessions/register", ask)
            return r.status == 200
        wait_for(again, 10, "cannot register")
    # Nobody else was hurt.
    cid = "after"
    alice.api.send_until_taken(Key().pub, "after the full disk", cid)
    all_done(alice, [cid])
