"""Promise: whatever is killed, and whenever, every accepted direct message is
in the right inbox exactly once and in order, every accepted broadcast has
ended and is in no inbox more than once, and nothing is left under way
(delivery.md section 1; sections 4, 6 and 7; section 8).

`run` does the same for as long as wanted.  CHAOS_SEED repeats the choices of
an earlier run, CHAOS_SECONDS makes it longer or shorter.
"""

import os
import random

import pytest

from harness.prefix import SLOW
from proxy import Proxy
from storm import Storm

SECONDS = 75, 40
# With sanitizers everything takes longer, restarts most of all.
KILLS = int(100 / SLOW), int(35 / SLOW)


@pytest.mark.parametrize("bad_network", [False, True],
                         ids=["kills", "kills and a bad network"])
def test_storm(bad_network):
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(1 << 32)))
    seconds = float(os.environ.get("CHAOS_SECONDS", SECONDS[bad_network]))
    print(f"seed {seed}")
    storm = Storm(seed, seconds, kill_pause=0.55 if not bad_network else 0.8,
                  proxy=Proxy() if bad_network else None)
    try:
        faults = storm.run()
        print(storm.summary)
    finally:
        complaints = storm.close()
    assert not faults + complaints, \
        f"seed {seed}:\n" + "\n".join((faults + complaints)[:20])
    if "CHAOS_SECONDS" not in os.environ:
        assert storm.killer.count >= KILLS[bad_network], storm.summary
