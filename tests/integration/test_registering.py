"""Promise: a registration means one session, however many ask at once and
whatever fails beside it; its name at the broker is never that of two; its end
is final (design.md, "Who owns what", "Sessions"; delivery.md sections 5, 8).
"""

import contextlib
import json
import os
import signal
import sqlite3
import threading
import uuid

import pytest

from harness import Key, Member, wait_for
from harness.daemon import Session


@pytest.fixture
def daemon(make):
    return make.daemon()


@contextlib.contextmanager
def no_registry(daemon):
    """Nothing can be written to sessions.db."""
    db = sqlite3.connect(daemon.state_dir / "sessions.db",
                         isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


def all_at_once(calls):
    """What each of them answered."""
    got = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def one(i):
        gate.wait()
        got[i] = calls[i]()

    threads = [threading.Thread(target=one, args=(i,))
               for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def test_many_register_one_session_at_once(daemon):
    """Also while its first worker has not come up yet."""
    first = Session(daemon, "one", "local", {})
    asks = []
    for n in range(8):
        api = daemon.api()
        body = {**first.body(), "display_name": f"name {n % 3}"}
        asks.append(lambda api=api, body=body:
                    api.post("/v1/sessions/register", body))
    got = all_at_once(asks)
    assert [r.status for r in got] == [200] * 8, got
    assert len({r.json["session_pubkey"] for r in got}) == 1
    first.wait_open()
    assert len(daemon.processes("worker")) == 1


def test_a_worker_that_stands_still_while_it_is_registered(daemon):
    """Whoever asks again is answered by the same worker."""
    s = daemon.register("s")
    pid = daemon.kill("worker", s, signal.SIGSTOP)
    answers = []
    # Its hello changes: the worker starts anew, when the old one has gone.
    body = {**s.body(), "display_name": "another"}
    t = threading.Thread(target=lambda: answers.append(
        daemon.api().post("/v1/sessions/register", body)))
    t.start()
    t.join()
    assert answers[0].status in (200, 504), answers
    daemon.wait_restarted("worker", pid, s)
    s.wait_open()
    assert s.me()["displayName"] == "another"


def brought(daemon):
    """A key of the client's own, attested by the member's."""
    file, = (daemon.state_dir / "meshes.d").glob("*.json")
    m = json.loads(file.read_text())
    member = Member(m["meshId"], m["memberId"], key=Key(
        bytes.fromhex(m["secretKey"])[:32]))
    key = Key()
    daemon.secrets.add(key.secret)
    a = member.attest(key.pub)
    return {"session_pubkey": key.pub, "session_secret_key": key.secret,
            "parent_attestation": {
                "session_pubkey": key.pub,
                "parent_member_pubkey": member.key.pub,
                "expires_at": a["expiresAt"], "signature": a["signature"]}}


def wire_ids(daemon, mesh="local"):
    peers = daemon.api().get(f"/v1/peers?all=true&mesh={mesh}").json["peers"]
    return {p["pubkey"]: p["sessionId"] for p in peers}


def test_the_newer_session_takes_the_name(daemon):
    """The broker has its UUID; the one that was replaced gives it up first."""
    name = str(uuid.uuid4())
    old = daemon.register("old", session_id=name)
    wait_for(lambda: wire_ids(daemon).get(old.pubkey) == name, 10)
    # Something to drain: nobody has that key.
    assert old.send(Key().pub, "waits").status == 202
    new = daemon.register("new", session_id=name, presence=brought(daemon))
    assert new.pubkey != old.pubkey
    wait_for(lambda: wire_ids(daemon).get(new.pubkey) == name, 10)
    wait_for(lambda: wire_ids(daemon).get(old.pubkey, name) != name, 10)
    daemon.wait_log("replaced")
    assert "session_replaced" not in daemon.log_text()


def test_a_worker_restarts_without_the_registry(daemon):
    """What is kept already needs not be kept again."""
    s = daemon.register("s")
    with no_registry(daemon):
        old = daemon.kill("worker", s)
        daemon.wait_restarted("worker", old, s)
        s.wait_open()
    assert s.me()["state"] == "open"


def test_no_new_session_without_the_registry(daemon):
    s = Session(daemon, "s", "local", {})
    with no_registry(daemon):
        r = s.api.post("/v1/sessions/register", s.body(), auth=False)
        assert r.status in (503, 504), r
    wait_for(lambda: s.api.get("/v1/sessions/me").status == 401 and
             not daemon.processes("worker"), 10)
    s.register()
    s.wait_open()


def test_an_end_is_final_even_without_the_registry(daemon):
    s = daemon.register("s")
    assert s.send(Key().pub, "keeps it draining").status == 202
    with no_registry(daemon):
        r = daemon.api().delete(f"/v1/sessions/{s.token}")
        assert r.status in (200, 504), r
        wait_for(lambda: s.api.get("/v1/sessions/me").status == 401, 10)
    db = sqlite3.connect(f"file:{daemon.state_dir}/sessions.db?mode=ro",
                         uri=True)
    wait_for(lambda: db.execute("SELECT count(*) FROM session WHERE"
             " token_hash IS NOT NULL").fetchone() == (0,), 20)
    db.close()
    os.kill(daemon.status()["pid"], signal.SIGKILL)
    daemon.wait_gone()
    daemon.start()
    assert s.api.get("/v1/sessions/me").status == 401
