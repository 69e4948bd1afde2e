"""Promise: the inbox keeps the order in which the broker had the messages,
also of those that could not be stored at once, or came to the member by way of
a session (delivery.md section 1, promise 6; section 6; section 8)."""

import os
import random
import signal
import time

from flow import Flow
from harness import Key, aio, wait_for
from mesh import Pair
from test_foreign_lock import Holder

SECONDS = 20


def test_order_beside_a_lock(make):
    """Held just as long as the store waits for it, again and again."""
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    pair = make.keep(Pair()).start()
    alice, bob = pair.left.join("alice"), pair.right.join("bob")
    flows = [Flow(bob, alice, "there"), Flow(alice, bob, "back")]
    path = pair.left.state_dir / "store" / "mesh.db"
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        holder = Holder(path)
        try:
            time.sleep(rng.uniform(1.9, 2.4))
        finally:
            holder.close()
        time.sleep(rng.uniform(0.05, 0.6))
    for f in flows:
        f.wait(20)
    for f in flows:
        f.check()
    wait_for(pair.settled, 60)


def read_all(conn):
    """Until the client has read whatever was sent to it before."""
    async def go():
        await (await conn.ws.ping())
    aio.run(go())


def test_a_session_hands_over_what_was_before(world):
    """The broker gives one message for the member to a session, and the next
    to the member itself, which has not opened the first by then: it was away,
    and back before the store."""
    daemon, broker = world.daemon, world.broker
    alice, sender = world.register("alice"), Key()
    session, member = alice.conn(), broker.wait_member()
    first, second = (broker.direct(
        world.member.mesh_id, sender, world.member.key.pub, text)
        for text in ("first", "second"))
    for _ in range(2):      # the next time the supervisor waits before it
        old = daemon.kill("store")      # starts a store
        daemon.wait_restarted("store", old)
    # Up, and not only begun: then its channels have been handed out.
    wait_for(lambda: [p["state"] for p in daemon.processes("store")] ==
             ["running"], 15)
    old = {r: daemon.pid(r) for r in ("member", "supervisor", "store")}
    os.kill(old["supervisor"], signal.SIGSTOP)
    try:
        os.kill(old["member"], signal.SIGKILL)
        session.put(first)
        broker.wait_frame(session, "client_ack")
        os.kill(old["store"], signal.SIGKILL)
    finally:
        os.kill(old["supervisor"], signal.SIGCONT)
    member = broker.wait_member(after=member.number)
    member.put(second)
    read_all(member)
    items = wait_for(lambda: (lambda i: len(i) == 2 and i)(
        daemon.api().inbox()), 20)
    assert [i["body"] for i in reversed(items)] == ["first", "second"]
