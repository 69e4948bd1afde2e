"""Promise: a session lists, marks and follows its own rows and its member's,
nobody else's, and no answer holds a secret (delivery.md section 1 promise 7,
section 6 "Reading"; local-api.md rules 4 and 5; fault 9 of section 9).
"""

from harness import wait_for
from harness.asserts import arrived, is_error


def test_scope(daemon, alice, bob):
    """Promise 7, fault 9: nobody sees, marks or lists another's rows."""
    carol = daemon.register("carol")
    alice.send(bob, "between alice and bob")
    item = arrived(bob, "between alice and bob")
    for other in carol, alice:
        assert "between alice and bob" not in [
            i["body"] for i in other.inbox()]
        r = other.api.post("/v1/inbox/seen", {"ids": [item["id"]]})
        assert r.status == 200 and r.json["marked_seen"] == 0
    assert "between alice and bob" not in [
        i["body"] for i in daemon.api().inbox()]
    assert [i for i in bob.inbox() if i["id"] == item["id"]][0][
        "seen_at"] is None
    assert carol.outbox() == []
    assert bob.pubkey not in [r["to"] for r in bob.outbox()]
    for r in daemon.api().outbox():
        assert r["to"] != "between alice and bob"
    mine = {r["client_message_id"] for r in alice.outbox()}
    assert not mine & {r["client_message_id"] for r in
                       daemon.api().outbox()}


def test_seen(daemon, alice):
    s = daemon.register("reader")
    for i in range(4):
        alice.send(s, f"to be seen {i}")
        arrived(s, f"to be seen {i}")
    items = s.inbox()
    assert [i["body"] for i in items] == [
        f"to be seen {i}" for i in (3, 2, 1, 0)]     # newest first
    r = s.api.post("/v1/inbox/seen", {"ids": [items[3]["id"], "nope"]})
    assert r.status == 200 and r.json["marked_seen"] == 1
    r = s.api.post("/v1/inbox/seen", {"ids": [items[3]["id"]]})
    assert r.json["marked_seen"] == 0
    r = s.api.get("/v1/inbox?unread_only=true&mark_seen=false").json
    assert [i["body"] for i in r["items"]] == [
        f"to be seen {i}" for i in (3, 2, 1)]
    assert r["marked_seen"] == 0
    r = s.api.get("/v1/inbox?limit=2").json         # marks what it shows
    assert r["marked_seen"] == 2
    assert all(i["seen_at"] is None for i in r["items"])
    r = s.api.get("/v1/inbox?mark_seen=false").json
    assert [bool(i["seen_at"]) for i in r["items"]] == [
        True, True, False, True]
    for bad in {}, {"ids": []}, {"ids": "x"}, {"ids": [7]}, {"ids": None}:
        is_error(s.api.post("/v1/inbox/seen", bad), 400)


def test_seen_of_a_members_row_is_kept_per_reader(daemon, api, alice,
                                                  member_key):
    one, two = daemon.register("one"), daemon.register("two")
    alice.send(member_key.pub, "read by each")
    a, b = arrived(one, "read by each"), arrived(two, "read by each")
    assert one.api.post("/v1/inbox/seen", {"ids": [a["id"]]}
                        ).json["marked_seen"] == 1
    assert arrived(one, "read by each")["seen_at"]
    assert arrived(two, "read by each")["seen_at"] is None
    assert [i for i in api.inbox() if i["body"] == "read by each"][0][
        "seen_at"] is None
    assert b["id"]


def test_inbox_filters(daemon, bob):
    s, sender = daemon.register("filter"), daemon.register("sender")
    sender.send(s, "from alice")
    first = arrived(s, "from alice")
    bob.send(s, "from bob")
    second = arrived(s, "from bob")

    def bodies(query):
        return [i["body"] for i in s.inbox("mark_seen=false&" + query)]
    assert bodies(f"from={sender.pubkey}") == ["from alice"]
    assert bodies("mesh=local")[:2] == ["from bob", "from alice"]
    assert bodies("limit=1") == ["from bob"]
    assert bodies(f"since={second['received_at']}")[:1] == ["from bob"]
    assert bodies("since=2099-01-01T00:00:00Z") == []
    assert first["received_at"] <= second["received_at"]
    for bad in ("limit=0", "limit=1001", "limit=x", "limit=-1",
                "since=yesterday", "unread_only=maybe"):
        is_error(s.api.get("/v1/inbox?" + bad), 400)
    is_error(s.api.get("/v1/inbox?mesh=other"), 403)


def test_outbox_filters(alice):
    done = alice.outbox("status=done&limit=2")
    assert len(done) == 2 and all(r["status"] == "done" for r in done)
    assert all(r["status"] == "pending" for r in
               alice.outbox("status=pending"))
    for bad in "limit=0", "limit=501", "status=zzz":
        is_error(alice.api.get("/v1/outbox?" + bad), 400)


def test_peers(api, alice, bob):
    r = alice.api.get("/v1/peers")
    assert r.status == 200
    rows = {p["pubkey"]: p for p in r.json["peers"]}
    assert {alice.pubkey, bob.pubkey} <= set(rows)
    assert rows[bob.pubkey]["displayName"] == "bob"
    assert rows[bob.pubkey]["peerRole"] == "session"
    assert all(p["mesh"] == "local" for p in rows.values())
    assert [p for p in rows.values() if p["peerRole"] == "control-plane"]
    some = alice.api.get("/v1/peers?all=false").json["peers"]
    assert some and all(p["peerRole"] == "session" for p in some)
    assert api.get("/v1/peers").status == 200


def test_no_answer_holds_a_secret(daemon, alice, bob, member_key):
    """Rule 5, and fault 9: the listing without a token."""
    secrets_ = [alice.token, bob.token, member_key.secret,
                member_key.secret[:64], (daemon.state_dir / "host.key"
                                         ).read_bytes().hex()]
    for a in daemon.api(), alice.api:
        for path in ("/v1/sessions", "/v1/sessions/me", "/v1/health",
                     "/v1/status", "/v1/peers", "/v1/inbox?mark_seen=false",
                     "/v1/outbox", "/v1/meshes", "/v1/version"):
            text = a.get(path).raw.decode()
            assert "secret" not in text.lower(), path
            for s in secrets_:
                assert s not in text, path
    body_of_bob = [i["body"] for i in bob.inbox()]
    text = daemon.api().get("/v1/inbox?mark_seen=false&limit=1000").raw
    for b in body_of_bob:
        if b.startswith("between"):
            assert b.encode() not in text


def test_delete(daemon, api, alice, member_key):
    """Section 6: deleted for the reader, and for nobody else."""
    one, two = daemon.register("one-del"), daemon.register("two-del")
    alice.send(one, "only for one")
    alice.send(member_key.pub, "for the member's readers")
    mine = arrived(one, "only for one")["id"]
    shared = arrived(one, "for the member's readers")["id"]
    for other in two.api, api:
        assert is_error(other.delete(f"/v1/inbox/{mine}"), 404)
    assert is_error(one.api.delete("/v1/inbox/nope"), 404)
    for row in mine, shared:
        r = one.api.delete(f"/v1/inbox/{row}")
        assert r.status == 200 and r.json == {"removed": 1, "id": row}
        assert is_error(one.api.delete(f"/v1/inbox/{row}"), 404)
    assert not {mine, shared} & {i["id"] for i in one.inbox()}
    assert shared in [i["id"] for i in two.inbox()]
    assert shared in [i["id"] for i in api.inbox()]
    assert is_error(daemon.api(admin=True).delete(f"/v1/inbox/{shared}"), 403)


def test_flush(daemon, api, alice, bob):
    one, two = daemon.register("one-flush"), daemon.register("two-flush")

    def mine(s):
        """It sees what is its member's as well."""
        return [i for i in s.inbox() if i["body"].startswith("to be flushed")]
    for s in one, two:
        for i in range(30):
            alice.send(s, f"to be flushed {i}")
        wait_for(lambda: len(mine(s)) == 30, 30)
    middle = sorted(i["received_at"] for i in one.inbox())[20]
    before = len(api.inbox())
    r = one.api.delete(f"/v1/inbox?before={middle}")
    assert r.status == 200 and r.json["removed"] <= 20, r
    left = [i["received_at"] for i in mine(one)]
    assert left and min(left) >= middle
    assert is_error(one.api.delete("/v1/inbox?before=noon"), 400)
    assert is_error(one.api.delete("/v1/inbox?mesh=other"), 403)
    r = one.api.delete("/v1/inbox?mesh=local")
    assert r.status == 200 and one.inbox() == []
    assert one.api.delete("/v1/inbox").json == {"removed": 0}
    assert len(mine(two)) == 30
    assert len(api.inbox()) == before
    assert is_error(daemon.api(admin=True).delete("/v1/inbox"), 403)
    alice.send(one, "after the flush")
    arrived(one, "after the flush")
