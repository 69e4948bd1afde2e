"""Promise: told to stop at any moment, meshsup ends at once and by itself,
its children told first, and starts nothing on the way (design.md,
"Configuration and places"; issue point 3).
"""

import os
import signal

import pytest

from harness import wait_for


@pytest.mark.parametrize("seen", [
    "meshsup.pid", "daemon.sock", "broker.db", "store.lock", "mesh.db"])
def test_told_to_stop_while_starting(make, seen):
    """Just when one of the processes has made that file."""
    d = make.daemon(start=False)
    run = d.keeper.spawn(d.argv("start", "--foreground"), d.env)
    wait_for(lambda: any(seen in files for _, _, files in os.walk(d.root)),
             20, seen, interval=0.0005)
    os.kill(run.pid, signal.SIGTERM)
    run.wait(2)
    assert "did not stop in time" not in run.err
    d.wait_gone(1)
