"""Promise: a connection that went dead without a word is noticed: pinged
every 30 s, given up when no answer is 75 s old, and made anew (issue point 6;
delivery.md section 8, "silent (half-open)"); and a request that is never
completed is dropped after 30 s (local-api.md, "Limits").

The first test of a run starts the clocks, the last one reads them: nothing
waits for them in between.
"""

import time

import pytest

from harness import SLOW, Member, wait_for
from harness.api import connect_to

pytestmark = pytest.mark.xdist_group("watchdog")

state = {}


@pytest.mark.first
def test_begin(make_run):
    member = Member("mesh-w", "member-w", slug="acme")
    broker = make_run.scripted([member])
    daemon = make_run.daemon(meshes=[member.mesh_file(broker.url)])
    s = daemon.register("watched", mesh="acme")
    half = connect_to(daemon.socket, 5)
    half.sendall(b"POST /v1/send HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Length: 100\r\n\r\n{")
    state.update(broker=broker, daemon=daemon, session=s, half=half,
                 conn=broker.wait_session(s.pubkey),
                 begin=time.monotonic())
    broker.deaf.add(state["conn"])


@pytest.mark.last
@pytest.mark.timeout(400)
def test_end():
    if not state:
        pytest.skip("its beginning was not run")
    broker, conn, begin = state["broker"], state["conn"], state["begin"]
    broker.wait(lambda: conn.closed or time.monotonic() - begin > 130, 140)
    assert conn.closed, "a dead connection was kept for 130 s"
    assert conn.closed_at - conn.opened > 60
    # The member's connection has answered all the time, and lives.
    member = broker.wait_member()
    assert member.opened < conn.opened + 1
    pings = [t for c, t in broker.pings if c is member]
    gaps = [b - a for a, b in zip([member.opened, *pings], pings)]
    assert len(gaps) >= 2, gaps
    assert all(25 < g < 30 + 5 * SLOW for g in gaps), gaps
    again = broker.wait_session(state["session"].pubkey, after=conn.number)
    assert again.hello["sessionId"] == conn.hello["sessionId"]
    state["session"].wait_open()

    def dropped():
        state["half"].setblocking(False)
        try:
            return state["half"].recv(4096) is not None
        except BlockingIOError:
            return False
    wait_for(dropped, 5, "a half request was kept for over 60 s")
    state["half"].close()
