"""Promise: a session can neither see, mark, change nor delete what is another
session's, nor learn that it is there: asked for something foreign, the API
answers as for something that there never was (delivery.md section 1 promise 7,
section 6; fault 9 of section 9).
"""

import secrets

import pytest

from harness import Key, wait_for
from harness.asserts import arrived, is_error
from harness.keys import minted_id


@pytest.fixture(scope="module")
def daemon(make_shared):
    return make_shared.daemon()


class Belongings:
    """What alice has: a message of each kind, in both boxes."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.alice = daemon.register("alice")
        self.carol = daemon.register("carol")
        bob = daemon.register("bob")
        self.sent_id, self.waiting_id = minted_id(), minted_id()
        self.alice.send(bob, "alice's message to bob",
                        client_message_id=self.sent_id)
        self.alice.send(Key().pub, "alice's message to nobody",
                        client_message_id=self.waiting_id)
        bob.send(self.alice, "bob's message to alice")
        self.item = arrived(self.alice, "bob's message to alice")["id"]
        rows = wait_for(lambda: (lambda r: r[self.sent_id]["status"] == "done"
                                 and r)({x["client_message_id"]: x for x in
                                         self.alice.outbox()}), 15)
        self.sent = rows[self.sent_id]["id"]
        self.waiting = rows[self.waiting_id]["id"]

    def state(self):
        """All of it but what changes by itself."""
        inbox = self.alice.inbox()
        outbox = [{k: r[k] for k in ("id", "held", "aborted_at",
                                     "superseded_by", "client_message_id")}
                  for r in self.alice.outbox()]
        return inbox, outbox


@pytest.fixture(scope="module")
def theirs(daemon):
    return Belongings(daemon)


@pytest.fixture(params=["session", "member"])
def stranger(request, daemon, theirs):
    """Another session of the same member, and the member scope."""
    return theirs.carol.api if request.param == "session" else daemon.api()


ASKS = [
    ("DELETE", "/v1/inbox/{}", None, "item"),
    ("POST", "/v1/inbox/seen", {"ids": ["{}"]}, "item"),
    ("GET", "/v1/outbox/{}", None, "sent"),
    ("GET", "/v1/outbox/{}", None, "waiting"),
    ("GET", "/v1/send/{}", None, "sent_id"),
    ("GET", "/v1/send/{}?wait=sent&timeout=1", None, "waiting_id"),
    ("POST", "/v1/outbox/hold", {"ids": ["{}"]}, "waiting"),
    ("POST", "/v1/outbox/release", {"ids": ["{}"]}, "waiting"),
    ("POST", "/v1/outbox/abort", {"ids": ["{}"]}, "waiting"),
    ("POST", "/v1/outbox/requeue", {"id": "{}"}, "waiting"),
    ("POST", "/v1/outbox/requeue", {"id": "{}", "to": "carol"}, "waiting"),
    ("POST", "/v1/outbox/requeue", {"id": "{}"}, "sent"),
]


def put_in(x, id):
    if isinstance(x, dict):
        return {k: put_in(v, id) for k, v in x.items()}
    if isinstance(x, list):
        return [put_in(v, id) for v in x]
    return x.replace("{}", id)


def answer(api, method, path, body, id):
    """The answer as it came, with the id taken out again."""
    r = api.request(method, path.replace("{}", id),
                    None if body is None else put_in(body, id))
    headers = {k: v for k, v in r.headers.items() if k != "Date"}
    text = r.raw.decode().replace(id, "{}")
    return r.status, headers, text


@pytest.mark.parametrize("method,path,body,what", ASKS)
def test_foreign_is_as_absent(theirs, stranger, method, path, body, what):
    before = theirs.state()
    foreign = answer(stranger, method, path, body, getattr(theirs, what))
    absent = answer(stranger, method, path, body, minted_id())
    # Ids are of one length, so that Content-Length is the same as well.
    assert foreign == absent
    assert foreign[0] in (200, 404)
    assert theirs.state() == before


def test_listings_and_counts(theirs, stranger):
    """Nothing of it, under any filter, in any number."""
    all_of_it = {theirs.item, theirs.sent, theirs.waiting, theirs.sent_id,
                 theirs.waiting_id}
    for query in ("limit=1000", "unread_only=true", "quarantine=true",
                  f"from={theirs.alice.pubkey}", "mesh=local",
                  "since=2001-01-01T00:00:00Z"):
        r = stranger.get(f"/v1/inbox?mark_seen=false&{query}")
        assert r.status == 200 and r.json["marked_seen"] == 0
        assert not [i for i in all_of_it if i.encode() in r.raw], query
    for query in "", "?limit=500", "?status=pending", "?status=done":
        r = stranger.get("/v1/outbox" + query)
        assert not [i for i in all_of_it if i.encode() in r.raw], query
    before = theirs.state()
    assert stranger.delete("/v1/inbox?before=2001-01-01T00:00:00Z"
                           ).json == {"removed": 0}
    # What a flush removes, and counts, is the caller's.
    mine = len(stranger.inbox())
    assert stranger.delete("/v1/inbox").json == {"removed": mine}
    assert theirs.state() == before


def test_the_same_client_message_id_is_free(theirs):
    """Of section 2: one sender's ids neither block nor reveal another's."""
    r = theirs.carol.send(Key().pub, "something else entirely",
                          client_message_id=theirs.sent_id)
    assert r.status == 202 and r.json["status"] == "queued"
    r = theirs.carol.send(theirs.alice.pubkey, "one more thing",
                          client_message_id=theirs.waiting_id)
    assert r.status == 202 and r.json["status"] in ("queued", "inflight")


# Every kind of path; that all but the first two look at tokens is proven for
# the whole table in the unit test of route.c.
PATHS = [("GET", "/v1/status"), ("GET", "/v1/sessions"),
         ("GET", "/v1/sessions/me"), ("POST", "/v1/sessions/register"),
         ("DELETE", "/v1/sessions/" + "a" * 64), ("POST", "/v1/send"),
         ("GET", "/v1/send/x"), ("GET", "/v1/inbox"), ("DELETE", "/v1/inbox"),
         ("DELETE", "/v1/inbox/x"), ("POST", "/v1/inbox/seen"),
         ("GET", "/v1/outbox"), ("GET", "/v1/outbox/x"),
         ("POST", "/v1/outbox/requeue"), ("POST", "/v1/outbox/hold"),
         ("POST", "/v1/outbox/release"), ("POST", "/v1/outbox/abort"),
         ("GET", "/v1/events"), ("GET", "/v1/peers"), ("GET", "/metrics")]


@pytest.mark.parametrize("which", ["unknown", "ended"])
@pytest.mark.parametrize("admin", [False, True])
def test_a_dead_token_is_401_everywhere(daemon, which, admin):
    token = secrets.token_hex(32)
    if which == "ended":
        s = daemon.register("ending")
        assert daemon.api().delete(f"/v1/sessions/{s.token}").status == 200
        token = s.token
    api = daemon.api(token, admin=admin)
    for path in "/v1/version", "/v1/health":
        assert api.get(path).status == 200
    for method, path in PATHS:
        r = api.request(method, path, {} if method == "POST" else None)
        assert is_error(r, 401) == "invalid_session_token", (method, path)
