"""Promise: at most 64 sends are unacknowledged, at most one per target unless
the broker keeps the order itself, and the order to a target stays however
late and mixed the acknowledgements come (delivery.md section 1 promise 6,
section 4 "Window").
"""

from harness import Key, wait_for
from harness.scripted import NOT_CONNECTED
from harness.world import World, api_barrier


def test_window_without_ordered(world):
    """At most 64 unacknowledged, at most one per target."""
    s = world.register()
    conn = s.conn()
    world.broker.acks = "hold"
    targets = [Key().pub for _ in range(100)]
    for t in targets:
        for n in range(2):
            s.send(t, f"message {n}")
    world.broker.wait(lambda: len(conn.sends) >= 64, 20, "window not full")
    api_barrier(s)
    assert conn.window_max == 64
    assert conn.per_target_max == 1
    done = 0
    while done < 200:       # acknowledge in reverse: any order is fine
        world.broker.wait(lambda: len(conn.sends) > done, 20, "no more")
        for f in reversed(conn.sends[done:]):
            conn.ack(f)
            done += 1
    assert conn.window_max == 64 and conn.per_target_max == 1
    for t in targets:
        texts = [f for f in conn.sends if f["targetSpec"] == t]
        assert len(texts) == 2
    wait_for(lambda: all(r["status"] == "done" for r in s.outbox()), 10)


def test_one_per_target_keeps_the_order(world):
    """Promise 6 at the broker, with acks late and in any order."""
    s = world.register()
    a, b = Key(), Key()
    world.broker.acks = "hold"
    for i in range(20):
        s.send(a.pub, f"a{i} for you")
        s.send(b.pub, f"b{i} for you")
    conn = s.conn()
    for n in range(20):
        world.broker.wait_sends(conn, 2 * n + 2)
        for f in reversed(conn.sends[2 * n:]):
            conn.ack(f)
    for k, tag in (a, "a"), (b, "b"):
        assert [k.open(s.pubkey, f["nonce"], f["ciphertext"])
                for f in conn.sends if f["targetSpec"] == k.pub] == [
            f"{tag}{i} for you" for i in range(20)]


def test_window_with_ordered(make):
    """One target may fill the window; `first` is on the first alone."""
    w = World(make, features=["ordered", "dedupe"])
    s, bob = w.register(), Key()
    conn = s.conn()
    w.broker.acks = "hold"
    for i in range(150):
        s.send(bob.pub, f"message {i:03}")
    w.broker.wait(lambda: len(conn.sends) >= 64, 20, "window not full")
    api_barrier(s)
    assert conn.window_max == 64
    assert [bool(f.get("first")) for f in conn.sends] == [True] + [False] * 63
    done = 0
    while done < 150:
        w.broker.wait(lambda: len(conn.sends) > done, 20, "no more")
        conn.ack(conn.sends[done])
        done += 1
    texts = [bob.open(s.pubkey, f["nonce"], f["ciphertext"])
             for f in conn.sends]
    assert texts == [f"message {i:03}" for i in range(150)]
    assert conn.window_max <= 64


def test_out_of_order_is_sent_again_in_order(make):
    """With `ordered`: one refused, all later ones out_of_order."""
    w = World(make, features=["ordered", "dedupe"])
    s, bob = w.register(), Key()
    refusals, taken = [3], []

    def act(conn, f):
        if f.get("first"):
            w.blocked = None
        if f["id"] == f"c{refusals[0] if refusals else ''}":
            refusals.pop()
            w.blocked = f["id"]
            return {"error": NOT_CONNECTED}
        if w.blocked not in (None, f["id"]):
            return {"error": "out_of_order"}
        w.blocked = None
        taken.append(f["id"])
        return {}
    w.blocked = None
    w.broker.acks = act
    for i in range(10):
        s.send(bob.pub, f"message {i}", client_message_id=f"c{i}")
    wait_for(lambda: all(r["status"] == "done" for r in s.outbox()), 20)
    assert taken == [f"c{i}" for i in range(10)]
