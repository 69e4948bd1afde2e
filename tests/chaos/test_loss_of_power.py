"""Promise: what was answered with 202 and what was acknowledged to the broker
is there after a loss of power at any moment (delivery.md section 1, promises
1 and 2; section 8; fault 11 of section 9).

The store of a real daemon runs on a shim (disklog.c) that writes down what
it does to its files.  From that log, disk.py makes the files as a loss of
power at 200 moments would have left them.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import threading

import pytest

from disk import Disk, records
from harness import Key, wait_for
from harness.world import World
from tree import Tree

CUTS = 200
CLIENTS = 12
SENDS = 100         # of each client
PUSHES = 600
SIZES = [20, 20, 200, 2000, 9000]

WRAPPER = """#!/bin/sh
export DISKLOG_DIR='{dir}' DISKLOG_LOG='{log}'
export ASAN_OPTIONS="verify_asan_link_order=0:$ASAN_OPTIONS"
LD_PRELOAD='{shim}' exec '{real}' "$@"
"""


class Recorder:
    """Puts the shim under the store of a tree."""

    def __init__(self, tree):
        self.tree = tree
        self.shim = tree.root / "disklog.so"
        self.log = tree.root / "disk.log"
        self.log.touch()
        source = os.path.join(os.path.dirname(__file__), "disklog.c")
        cc = shutil.which(os.environ.get("CC", "cc").split()[0])
        if cc is None:
            pytest.skip("no C compiler to build disklog.c with")
        subprocess.run([cc, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra",
                        "-Werror", "-fPIC", "-shared", "-o", self.shim,
                        source, "-ldl"], check=True)

    def follow(self, directory):
        store = self.tree.libexec / "store"
        real = self.tree.libexec / "store.real"
        store.rename(real)
        store.write_text(WRAPPER.format(dir=directory, log=self.log,
                                        shim=self.shim, real=real))
        store.chmod(0o755)

    def position(self):
        return self.log.stat().st_size


class Things:
    """The `make` of a World whose store is followed."""

    def __init__(self, make, recorder):
        self.make = make
        self.recorder = recorder
        self.scripted = make.scripted

    def daemon(self, config="", meshes=()):
        d = self.make.daemon(config=config, meshes=meshes, start=False)
        self.recorder.follow(d.state_dir / "store")
        # The shim must know the directory before the store makes it.
        (d.state_dir / "store").mkdir(mode=0o700, parents=True,
                                      exist_ok=True)
        return d.start()


class Load:
    """Clients and a broker; what they were told, and when: (position in the
    log, id)."""

    def __init__(self, world, recorder, rng):
        self.world, self.recorder, self.rng = world, recorder, rng
        self.accepted, self.acked = [], []
        self.alice = world.register("alice")
        world.broker.watch = self.watch
        self._lock = threading.Lock()
        self.faults = []

    def watch(self, conn, frame):
        if frame["type"] == "client_ack":
            self.acked.append((self.recorder.position(),
                               frame["brokerMessageId"]))

    def text(self):
        return "x" * self.rng.choice(SIZES)

    def client(self, n):
        try:
            bob = Key().pub
            for i in range(SENDS):
                cid = f"c{n}-{i}"
                self.alice.api.send_until_taken(
                    bob, cid + " " + self.text(), cid)
                with self._lock:
                    self.accepted.append((self.recorder.position(), cid))
        except AssertionError as e:
            self.faults.append(e)

    def pushes(self):
        return [self.world.push(self.alice, self.text())
                for _ in range(PUSHES // 3)]

    def run(self, disturb):
        """All of it, and something that happens meanwhile."""
        for part in range(3):
            clients = [threading.Thread(target=self.client, daemon=True,
                                        args=(part * CLIENTS // 3 + i,))
                       for i in range(CLIENTS // 3)]
            for c in clients:
                c.start()
            before = len(self.accepted)
            pushes = self.pushes()
            conn = self.alice.conn()
            conn.put(*pushes)
            wait_for(lambda: len(self.accepted) > before + 50, 60)
            disturb(part)
            if conn.closed:
                # As a broker does with what was not acknowledged.
                again = self.alice.conn(after=conn.number)
                again.put(*[p for p in pushes if p["messageId"] not in
                            {i for _, i in self.acked}])
            for c in clients:
                c.join(120)
                assert not c.is_alive()
            assert not self.faults, self.faults
            wanted = {p["messageId"] for p in pushes}
            wait_for(lambda: wanted <= {i for _, i in self.acked}, 60)


@pytest.fixture
def recorder(monkeypatch, make):
    return Recorder(make.keep(Tree(monkeypatch)))


def look(files, folder):
    """(outbox ids, broker ids of the inbox) in files after a loss of
    power."""
    for name, content in files.items():
        if not name.endswith("-shm"):
            (folder / name).write_bytes(content)
    db = sqlite3.connect(folder / "mesh.db")
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return ({r[0] for r in db.execute(
            "SELECT client_message_id FROM outbox")},
            {r[0] for r in db.execute(
                "SELECT broker_message_id FROM inbox")})
    finally:
        db.close()
        for path in folder.iterdir():
            path.unlink()


def missing(files, folder, load, cut):
    """What was answered before the cut, and is not there."""
    due = ({i for p, i in load.accepted if p <= cut},
           {i for p, i in load.acked if p <= cut})
    if not due[0] and not due[1]:
        return set()
    if "mesh.db" not in files:
        return due[0] | due[1]
    there = look(files, folder)
    return (due[0] - there[0]) | (due[1] - there[1])


def cuts_of(load, ends, rng):
    """Half of them at any record, half at the very moment of an answer."""
    answers = [p for p, _ in load.accepted + load.acked]
    return sorted(rng.choices(ends, k=CUTS // 2) +
                  rng.choices(answers, k=CUTS - CUTS // 2))


def test_power_loss(make, recorder, tmp_path):
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    world = World(Things(make, recorder))
    load = Load(world, recorder, rng)

    def disturb(part):
        # The log is begun anew, recovered, and emptied and removed.
        if part == 0:
            old = world.daemon.kill("store")
            world.daemon.wait_restarted("store", old)
        elif part == 1:
            world.daemon.stop()
            world.daemon.start()
    load.run(disturb)
    world.daemon.stop()
    log = list(records(recorder.log))
    ends = [end for end, *_ in log]
    assert len(load.accepted) == CLIENTS * SENDS
    cuts = cuts_of(load, ends, rng)
    disk, liar = Disk(), Disk(lies=True)
    done, faults, lost_by_liar = 0, [], 0
    for n, (end, *op) in enumerate(log):
        disk.take(*op)
        liar.take(*op)
        # A cut at an answer lies at the end of a record as well.
        while done < len(cuts) and cuts[done] <= end:
            cut = cuts[done] if cuts[done] == end else (
                log[n - 1][0] if n else 0)
            lost = missing(disk.lose_power(rng), tmp_path, load, cut)
            if lost:
                faults.append(f"cut at {cut}: lost {sorted(lost)[:5]}")
            if done % 20 == 19:
                try:
                    lost_by_liar += bool(missing(
                        liar.lose_power(rng), tmp_path, load, cut))
                except (AssertionError, sqlite3.DatabaseError):
                    lost_by_liar += 1
            done += 1
    assert done == CUTS
    assert not faults, f"seed {seed}: {faults[:5]}"
    # The same on a disk that does not keep what it was told to: this test
    # would have seen it.
    assert lost_by_liar > 0
    print(f"{len(log)} records, {recorder.position()} bytes,"
          f" {len(load.accepted)} accepts, {len(load.acked)} acks,"
          f" {CUTS} cuts, {lost_by_liar} of {CUTS // 20} with lost messages"
          " on a disk that lies")
