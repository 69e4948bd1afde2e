"""Promise: a push that could not be stored, because somebody has the database
locked, comes again before whatever came behind it: the inbox keeps the order
(delivery.md section 1, promise 6; section 8)."""

import os
import random
import time

from flow import Flow
from harness import wait_for
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
