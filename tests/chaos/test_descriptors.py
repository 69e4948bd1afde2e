"""Promise: a process whose file table is full says so, does not spin, does not
crash and loses nothing, and goes on by itself once it may open files again
(delivery.md section 8).
"""

import os
import secrets
import signal

import pytest

from faults import NoDescriptors, all_done, ask, cpu_of, pids_of, used_in
from harness import SLOW, Api, Key, wait_for
from harness.keys import minted_id
from harness.world import body_list

IDLE = 0.3          # of a processor, for a process that has nothing to do
COUNT = 20


@pytest.fixture
def full(make):
    """full(pid): no descriptors from here to the test's end, or close()."""
    return lambda pid, spare=0: make.keep(NoDescriptors(pid, spare))


def talk(world, alice, tag, count=COUNT):
    """Messages out and in, each to be stored, sent and acknowledged."""
    bob = Key()
    ids = [f"{tag}-{n}" for n in range(count)]
    for i in ids:
        alice.api.send_until_taken(bob.pub, f"body of {i}", i)
    pushes = [world.push(alice, f"pushed {i}") for i in ids]
    conn = alice.conn()
    conn.put(*pushes)
    all_done(alice, ids)
    wait_for(lambda: {f["brokerMessageId"] for f in conn.of("client_ack")} >=
             {p["messageId"] for p in pushes}, 20, "no acknowledgements")
    bodies = body_list(alice)
    assert all(bodies.count(f"pushed {i}") == 1 for i in ids)


def check_idle(pid):
    """It waits, it does not try for ever."""
    assert os.path.exists(f"/proc/{pid}")
    assert used_in(pid) < IDLE


@pytest.mark.parametrize("role", ["supervisor", "store", "gate", "worker"])
def test_what_is_open_goes_on(world, full, role):
    """Whoever needs no new descriptor does not notice."""
    alice = world.register("alice")
    talk(world, alice, "before", 2)
    pids = pids_of(world.daemon)
    pid = world.daemon.pid(role, alice if role == "worker" else None)
    table = full(pid)
    talk(world, alice, "during")
    check_idle(pid)
    table.close()
    talk(world, alice, "after", 2)
    assert pids_of(world.daemon) == pids


def test_clients_wait_for_a_full_gate(world, full):
    """New connections wait in the queue, and the gate does not spin for
    them."""
    alice = world.register("alice")
    pids = pids_of(world.daemon)
    gate = world.daemon.pid("gate")
    table = full(gate)
    fresh = [Api(world.daemon.socket, alice.token, timeout=1)
             for _ in range(5)]
    for api in fresh:
        r = ask(lambda: api.get("/v1/health"))
        assert isinstance(r, OSError) or r.status == 503, r
    check_idle(gate)
    # Whoever is connected goes on meanwhile.
    r = alice.api.send(Key().pub, "over the kept one", client_message_id="k")
    assert r.status == 202, r
    table.close()
    wait_for(lambda: Api(world.daemon.socket, alice.token).get(
        "/v1/health").status == 200, 10)
    talk(world, alice, "after")
    assert pids_of(world.daemon) == pids


def register(daemon, **fields):
    body = {"token": secrets.token_hex(32), "session_id": minted_id(),
            "mesh": "acme", "display_name": "late", "pid": os.getpid(),
            **fields}
    daemon.secrets.add(body["token"])
    return body, ask(lambda: daemon.api().post("/v1/sessions/register",
                                               body))


@pytest.mark.parametrize("spare", [0, 1, 2, 3, 4, 5])
def test_registration_with_a_full_supervisor(world, full, spare):
    """Refused with what to do, or taken and started later: never half."""
    daemon = world.daemon
    alice = world.register("alice")
    pids = pids_of(daemon)
    supervisor = daemon.pid("supervisor")
    table = full(supervisor, spare)
    body, r = register(daemon)
    if r.status != 200:
        # 429: where the limit itself is too low for one more.
        assert r.status in (429, 503, 504), r
        assert len(r.json["detail"]) > 20
    check_idle(supervisor)
    table.close()
    if r.status != 200:
        r = daemon.api().post("/v1/sessions/register", body)
        assert r.status == 200, r
    key = r.json["session_pubkey"]
    world.broker.wait_session(key, deadline=40)
    talk(world, alice, "after")
    now = pids_of(daemon)
    assert {k: now[k] for k in pids} == pids
    daemon.expected_errors.append("descriptor|Too many open files")


def test_a_dead_worker_with_a_full_supervisor(world, full):
    """It comes back when there are descriptors, by itself."""
    daemon = world.daemon
    alice = world.register("alice")
    supervisor = daemon.pid("supervisor")
    number = alice.conn().number
    # status needs none: it is asked over a channel that is open.
    table = full(supervisor)
    old = daemon.kill("worker", alice)
    wait_for(lambda: not os.path.exists(f"/proc/{old}"), 10)
    alice.api.send_until_taken(Key().pub, "while it is away", "away")
    check_idle(supervisor)
    table.close()
    world.broker.wait_session(alice.pubkey, after=number, deadline=45)
    all_done(alice, ["away"])
    talk(world, alice, "after")
    daemon.expected_errors.append("descriptor|Too many open files")


def test_a_worker_that_cannot_connect(world, full):
    """The broker goes away and comes back while there is no descriptor for
    a new connection."""
    alice = world.register("alice")
    conn = alice.conn()
    pid = world.daemon.pid("worker", alice)
    # The socket that is cut leaves its number free: one below it.
    world.broker.crash()
    wait_for(lambda: conn.closed, 10)
    table = full(pid)
    world.broker.start()
    alice.api.send_until_taken(Key().pub, "no way to the broker", "w-1")
    before = cpu_of(pid)
    world.broker.wait_member(after=conn.number, deadline=45)
    check_idle(pid)
    assert cpu_of(pid) - before < 5 * SLOW
    table.close()
    world.broker.wait_session(alice.pubkey, after=conn.number, deadline=45)
    all_done(alice, ["w-1"])
    talk(world, alice, "after")


def test_store_restarted_without_descriptors_for_its_peers(world, full):
    """The gate cannot take the channel to a new store: what it is asked is
    503 until it can, and then all goes on."""
    daemon = world.daemon
    alice = world.register("alice")
    gate, old = daemon.pid("gate"), daemon.pid("store")
    table = full(gate)
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: [p for p in daemon.keeper.processes()
                      if p["pid"] != old and p["argv"] and
                      p["argv"][0].endswith("/store")], 15, "no new store")
    bob = Key().pub
    r = ask(lambda: alice.api.send(bob, "no store to take it",
                                   client_message_id="n-1"))
    assert isinstance(r, OSError) or r.status in (202, 503, 504), r
    if os.path.exists(f"/proc/{gate}"):
        check_idle(gate)
    table.close()
    alice.api.send_until_taken(bob, "no store to take it", "n-1")
    talk(world, alice, "after")
    daemon.expected_errors.append("descriptor|Too many open files")
