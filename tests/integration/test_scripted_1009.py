"""Promise: a row over which a broker closes the connection is found by sending
the rows of the broken connection one at a time; only it dies, and everything
else is delivered, in order (delivery.md section 3, section 4 "Permanent";
fault 17 of section 9).
"""

import asyncio

import pytest

from harness import Key, wait_for
from harness.world import World


class Touchy:
    """Closes with 1009 over some rows; acknowledges others, the sooner the
    fewer are under way, as a broker does that handles them one by one."""

    def __init__(self, world, bad):
        self.bad = bad
        self.taken = []
        self.connections = set()
        world.broker.acks = self

    def __call__(self, conn, frame):
        self.connections.add(conn.number)
        if frame["id"] in self.bad:
            asyncio.ensure_future(conn.ws.close(1009, "message too big"))
            return None
        if conn.ws.closed or conn.ws.close_code is not None:
            return None
        self.taken.append(frame["id"])
        return {}


def ends(session):
    return {r["client_message_id"]: r for r in session.outbox()}


@pytest.mark.parametrize("features", [None, ["ordered", "dedupe"]])
@pytest.mark.parametrize("bad", [["c0-0"], ["c3-2"], ["c0-0", "c7-1"],
                                 ["c2-0", "c2-1", "c2-2"]])
def test_only_the_offender_dies(make, features, bad):
    w = World(make, features=features)
    s, other = w.register(), w.register("other")
    targets = [Key() for _ in range(8)]
    w.broker.acks = "hold"      # all under way at once
    for n in range(3):
        for i, t in enumerate(targets):
            assert s.send(t.pub, f"{i}-{n} is here", client_message_id=
                          f"c{i}-{n}").status == 202
    conn = s.conn()
    w.broker.wait_sends(conn, 24 if features else 8)
    touchy = Touchy(w, set(bad))
    conn.close(1012, "again")
    # Meanwhile the other session is not disturbed.
    for i in range(10):
        other.send(targets[0].pub, f"undisturbed {i}")
    wait_for(lambda: {r["status"] for r in ends(other).values()} == {"done"},
             5)
    wait_for(lambda: all(r["status"] in ("done", "dead")
                         for r in ends(s).values()), 90, "not all ended")
    for cid, row in ends(s).items():
        if cid not in bad:
            assert row["status"] == "done", row
            continue
        assert row["status"] == "dead", row
        assert row["last_error"].startswith("payload_too_large")
        assert "1009" in row["last_error"] or \
            "closed the connection" in row["last_error"]
    for i in range(8):
        mine = [c for c in dict.fromkeys(touchy.taken) if
                c.startswith(f"c{i}-")]
        assert mine == [f"c{i}-{n}" for n in range(3) if
                        f"c{i}-{n}" not in bad]
    notices = [i for i in s.inbox() if i["subtype"] == "system"]
    assert len(notices) == len(bad)
    # Each offender breaks one connection with the others and one alone.
    assert len([c for c in w.broker.conns if c.pub == s.pubkey and
                c.sends]) <= 2 * len(bad) + 3


def test_what_comes_behind_it_is_delivered(world):
    """As fault 17 says: it was sent first again and again."""
    s, bob = world.register(), Key()
    Touchy(world, {"huge"})
    s.send(bob.pub, "a huge one", client_message_id="huge")
    for i in range(20):
        s.send(bob.pub, f"behind it {i}", client_message_id=f"c{i}")
    wait_for(lambda: all(r["status"] in ("done", "dead")
                         for r in ends(s).values()), 30)
    assert ends(s)["huge"]["status"] == "dead"
    assert [bob.open(s.pubkey, f["nonce"], f["ciphertext"])
            for f in s.conn().sends] == [f"behind it {i}" for i in range(20)]
