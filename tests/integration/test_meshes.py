"""Promise: one supervisor serves every mesh that is configured, in meshes.d or
in the reference's config.json, each by itself: what the broker of one does,
or does not, touches no other.  Only its owner and its users may use a mesh
(design.md, "Who owns what", "Configuration and places").
"""

import asyncio
import json
import os
import threading
import time

import pytest

from harness import Key, Member, aio, wait_for
from harness.asserts import arrived, is_error, registration
from harness.events import Events
from harness.other import OtherUser
from harness.prefix import SLOW
from test_reload import Meshes

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs other users")
ALICE, BOB, EVE = 64001, 64002, 64003


# --- the reference's config.json ---

class Reference:
    """A daemon whose meshes are in a config.json of the reference's."""

    def __init__(self, make, *slugs):
        self.members = {s: Member(f"mesh-{s}", f"member-{s}", slug=s)
                        for s in slugs}
        self.broker = make.scripted(list(self.members.values()))
        self.broker.route = True
        self.daemon = make.daemon(start=False)
        self.path = self.daemon.root / "config.json"
        self.daemon.config.write_text(
            f"[meshes]\nreference_config = {self.path}\n")
        self.write(*slugs)

    def write(self, *slugs, **changes):
        """As the reference does: the names that it has, and no others."""
        meshes = []
        for s in slugs:
            m = self.members[s]
            self.daemon.secrets.add(m.key.secret)
            meshes.append({
                "meshId": m.mesh_id, "memberId": m.member_id, "slug": s,
                "name": f"Ref {s}", "pubkey": m.key.pub,
                "secretKey": m.key.secret, "brokerUrl": self.broker.url,
                "joinedAt": "2026-11-23T22:46:18.005Z"})
        self.text = json.dumps({
            "version": 1, "meshes": meshes, "displayName": "alice",
            "groups": [{"name": "g"}], **changes}, indent=2)
        self.path.write_text(self.text)
        self.path.chmod(0o600)

    def slugs(self):
        return [m["slug"] for m in self.daemon.api().get(
            "/v1/meshes").json["meshes"]]


def test_the_meshes_of_the_reference(make):
    w = Reference(make, "acme", "beta")
    w.daemon.start()
    before = w.path.stat()
    assert w.slugs() == ["acme", "beta"]
    wait_for(lambda: len([c for c in w.broker.live()
                          if c.kind == "member"]) == 2, 15)
    assert {c.hello["displayName"] for c in w.broker.live()} == {"alice"}
    s = w.daemon.register("s", mesh="acme")
    t = w.daemon.register("t", mesh="acme")
    s.send(t, "through it")
    arrived(t, "through it")
    # A mesh of it is left where it is.
    r = w.daemon.api().delete("/v1/meshes/acme")
    assert is_error(r, 409) == "mesh_of_reference"
    assert str(w.path) in r.json["detail"]
    r = w.daemon.command("mesh", "leave", "acme")
    assert r.returncode == 1 and "meshsup reload" in r.stderr, r.stderr
    # The reference does it, and a reload follows.
    pid = w.daemon.pid("worker", s)
    w.write("acme")
    assert json.loads(w.daemon.ms("reload", "--json"))["applied"] == [
        "mesh beta: removed"]
    assert w.slugs() == ["acme"]
    assert w.daemon.pid("worker", s) == pid
    w.daemon.stop()
    after = w.path.stat()
    assert w.path.read_text() == w.text
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert list((w.daemon.state_dir / "meshes.d").iterdir()) == []


@pytest.mark.parametrize("spoil, why", [
    (lambda w: w.path.chmod(0o640), ": others can read the member's secret"),
    (lambda w: w.write("acme", version=2), ":2: \"version\" must be 1"),
    (lambda w: w.path.write_text("{\n\"version\": 1,\n}"),
     ":3: not a JSON object"),
    (lambda w: (w.path.rename(w.path.with_suffix(".x")),
                w.path.symlink_to(w.path.with_suffix(".x"))),
     ": a symbolic link"),
    (lambda w: w.path.unlink(), ": No such file"),
])
def test_a_fault_of_the_reference_is_named(make, spoil, why):
    """And the daemon goes on with what it has."""
    w = Reference(make, "acme")
    w.daemon.start()
    s = w.daemon.register("s", mesh="acme")
    pid = w.daemon.pid("worker", s)
    spoil(w)
    r = w.daemon.command("reload")
    assert r.returncode == 1 and f"{w.path}{why}" in r.stderr, r.stderr
    assert w.slugs() == ["acme"]
    assert w.daemon.pid("worker", s) == pid


@as_root
def test_a_reference_of_somebody_else(make):
    w = Reference(make, "acme")
    w.daemon.start()
    os.chown(w.path, ALICE, ALICE)
    r = w.daemon.command("reload")
    assert r.returncode == 1
    assert f"it belongs to uid {ALICE}" in r.stderr, r.stderr


def test_a_file_of_ours_is_preferred(make):
    """The same mesh in both is one mesh."""
    w = Reference(make, "acme")
    w.daemon.add_mesh(w.members["acme"].mesh_file(w.broker.url))
    w.daemon.start()
    assert w.slugs() == ["acme"]
    assert w.daemon.command("reload").returncode == 0
    assert w.daemon.api().delete("/v1/meshes/acme").status == 200
    assert json.loads(w.daemon.ms("reload", "--json"))["applied"] == [
        "mesh acme: added"]


# --- listing and leaving ---

def test_the_list(make):
    w = Meshes(make, "acme", "beta")
    w.brokers["beta"].stop()
    wait_for(lambda: [m["state"] for m in w.daemon.api().get(
        "/v1/meshes").json["meshes"]] in (
            ["open", "connecting"], ["open", "reconnecting"]), 15)
    m = w.daemon.api().get("/v1/meshes").json["meshes"][0]
    assert {k: m[k] for k in ("slug", "name", "meshId", "pubkey",
                              "brokerUrl")} == {
        "slug": "acme", "name": w.file("acme").get("name", "acme"),
        "meshId": "mesh-acme", "pubkey": w.members["acme"].key.pub,
        "brokerUrl": w.brokers["acme"].url}
    assert json.loads(w.daemon.ms("mesh", "list", "--json"))["meshes"][0] == m
    text = w.daemon.ms("mesh", "list")
    assert "acme" in text and "connecting" in text
    s = w.daemon.register("s", mesh="acme")
    assert [x["slug"] for x in s.api.get("/v1/meshes").json["meshes"]] == [
        "acme"]


def test_leaving(make):
    w = Meshes(make, "acme", "beta")
    s = w.daemon.register("s", mesh="acme")
    t = w.daemon.register("t", mesh="beta")
    pid = w.daemon.pid("worker", s)
    for mesh in "acme", "beta":     # a user's, not a session's
        assert is_error(s.api.delete(f"/v1/meshes/{mesh}"), 403) == \
            "not_for_sessions"
    assert is_error(w.daemon.api().delete("/v1/meshes/none"), 404) == \
        "mesh_not_attached"
    with Events(w.daemon.api()) as events:
        assert w.daemon.ms("mesh", "leave", "beta") == "left beta\n"
        events.wait("broker_status", lambda e: e.data["mesh"] == "beta" and
                    e.data["status"] == "closed")
    assert w.slugs() == ["acme"]
    assert not w.path("beta").exists()
    is_error(t.api.get("/v1/sessions/me"), 401)
    w.brokers["beta"].wait(lambda: not w.brokers["beta"].live(), 10)
    assert "beta" not in w.daemon.api().get("/v1/health").json["brokers"]
    assert w.daemon.pid("worker", s) == pid
    # It does not come back.
    assert w.reload()["applied"] == []
    w.daemon.stop()
    w.daemon.start()
    assert w.slugs() == ["acme"]


def test_what_leaving_costs(make):
    """A person is told what is lost and how to go on; a script's line stays."""
    w = Meshes(make, "acme", "beta")
    r = w.daemon.command("mesh", "leave", "beta", "--json")
    assert json.loads(r.stdout)["slug"] == "beta" and r.stderr == "", r
    r = w.daemon.command("mesh", "leave", "acme")
    assert (r.returncode, r.stdout) == (0, "left acme\n"), r
    for words in "key", "for good", "mesh join LINK", "mesh create NAME":
        assert words in r.stderr, r.stderr
    # What there is none of is not what status lists: how to have one.
    for verb in (["send", "x", "y"], ["mesh", "info"],
                 ["session", "register", "--name", "a"]):
        r = w.daemon.command(*verb)
        assert r.returncode == 1 and "mesh_not_attached" in r.stderr, r
        assert "mesh create" in r.stderr and "mesh join" in r.stderr, r
        assert "status" not in r.stderr, r
    r = w.daemon.command("send", "x", "y", "--mesh", "acme")
    assert r.stderr.count("meshsup status") == 1, r


def test_leaving_with_the_broker_away(make):
    """It needs nobody's answer."""
    w = Meshes(make, "acme", "beta")
    w.brokers["beta"].silent()
    w.daemon.ms("mesh", "leave", "beta")
    assert w.slugs() == ["acme"]
    wait_for(lambda: not [p for p in w.daemon.status()["processes"]
                          if p.get("mesh") == "beta"], 15)


# --- brokers that do what they like ---

class Hostile:
    """A TCP server that treats whoever connects in one way."""

    def __init__(self, behave):
        self.behave = behave
        self.taken = 0
        self.server = aio.run(self._serve())
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ws"

    async def _serve(self):
        async def take(reader, writer):
            self.taken += 1
            try:
                await self.behave(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()
        return await asyncio.start_server(take, "127.0.0.1", 0)

    def close(self):
        async def go():
            self.server.close()
        aio.run(go())


async def never_answers(reader, writer):
    while await reader.read(65536):
        pass


async def closes_at_once(reader, writer):
    pass


async def garbage(reader, writer):
    await reader.read(1024)
    writer.write(b"\x00\xff" * 4096)
    await writer.drain()


async def floods(reader, writer):
    """A head without an end, as fast as it is taken."""
    await reader.read(1024)
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    end = time.monotonic() + 120 * SLOW
    while time.monotonic() < end:
        writer.write(b"X-More: " + b"m" * 4000 + b"\r\n")
        await writer.drain()


HOSTILE = {"never": never_answers, "closes": closes_at_once,
           "garbage": garbage, "floods": floods}


def exchange(s, t, count):
    """How long it takes until that many messages have arrived."""
    begin = time.monotonic()
    have = len(t.inbox())
    for i in range(count):
        assert s.send(t, f"m{have + i}").status == 202
    wait_for(lambda: len(t.inbox()) == have + count, 30)
    return time.monotonic() - begin


def test_hostile_brokers_touch_no_other_mesh(make):
    """All kinds at once, with sessions on them that have much to send."""
    w = Meshes(make, "acme")
    s = w.daemon.register("s", mesh="acme")
    t = w.daemon.register("t", mesh="acme")
    pids = w.pids("acme")
    w.brokers["acme"].wait_member()
    conns = len(w.brokers["acme"].conns)
    alone = min(exchange(s, t, 20) for _ in range(3))
    hostile = {k: make.keep(Hostile(b)) for k, b in HOSTILE.items()}
    for slug, h in hostile.items():
        w.members[slug] = Member(f"mesh-{slug}", f"m-{slug}", slug=slug)
        w.daemon.add_mesh(w.members[slug].mesh_file(h.url))
    assert w.reload()["ok"]
    others = [w.daemon.register(k, mesh=k, wait_open=False) for k in HOSTILE]
    for o in others:
        for i in range(20):
            assert o.send(Key().pub, f"x{i}").status == 202
    wait_for(lambda: all(h.taken > 1 for h in hostile.values()), 30)
    beside = min(exchange(s, t, 20) for _ in range(3))
    # Not one waits for another's time limits, which are seconds.
    assert beside < 10 * alone + 4 * SLOW, (alone, beside)
    assert w.pids("acme") == pids
    assert len(w.brokers["acme"].conns) == conns
    states = {m["slug"]: m["state"] for m in w.daemon.api().get(
        "/v1/meshes").json["meshes"]}
    assert states.pop("acme") == "open"
    assert set(states) == set(HOSTILE) and "open" not in states.values()
    assert w.daemon.api().get("/v1/health").json["ok"] is True
    for o in others:
        assert {r["status"] for r in o.outbox()} <= {"pending", "inflight"}


def test_a_broker_that_floods_an_open_connection(make):
    """Pushes and answers that nobody asked for, without an end."""
    w = Meshes(make, "acme", "flood")
    s = w.daemon.register("s", mesh="acme")
    t = w.daemon.register("t", mesh="acme")
    u = w.daemon.register("u", mesh="flood")
    pids = w.pids("acme")
    alone = min(exchange(s, t, 20) for _ in range(3))
    conn = w.brokers["flood"].wait_session(u.pubkey)
    member = w.brokers["flood"].wait_member()
    stop = threading.Event()

    def flood():
        junk = ['{"type":"push"}', "[]", "{", '{"type":"ack","id":7}',
                json.dumps({"type": "peers_list", "peers": "x" * 20000}),
                json.dumps({"type": "push", "subtype": "system",
                            "event": "peer_joined",
                            "eventData": {"name": "n", "pubkey": "z"}})]
        while not stop.is_set():
            conn.put(*junk)
            member.put(*junk)
    threads = threading.Thread(target=flood)
    threads.start()
    try:
        beside = min(exchange(s, t, 20) for _ in range(3))
    finally:
        stop.set()
        threads.join()
    assert beside < 20 * alone + 8 * SLOW, (alone, beside)
    assert w.pids("acme") == pids
    assert [i["body"] for i in reversed(t.inbox("limit=1000"))] == [
        f"m{i}" for i in range(120)]


# --- owners and users ---

@pytest.fixture
def users(make):
    """Other users of a daemon: users(daemon, uid)."""
    return lambda daemon, uid: make.keep(OtherUser(daemon, uid))


def slugs_of(user):
    return sorted(m["slug"] for m in user.get("/v1/meshes")["meshes"])


@as_root
def test_only_owner_and_users_use_a_mesh(make, users):
    w = Meshes(make)
    w.new("acme")
    w.new("beta")
    w.daemon.stop()
    w.daemon.config.write_text(
        f"[api]\nallow_uids = {EVE}\n[broker]\nenabled = no\n")
    w.daemon.add_mesh(w.file("acme", owner=ALICE, users=[BOB]))
    w.daemon.add_mesh(w.file("beta", owner=BOB))
    (w.daemon.state_dir / "meshes.d" / "local.json").unlink()
    w.daemon.start()
    alice, bob, eve = (users(w.daemon, u) for u in (ALICE, BOB, EVE))
    assert slugs_of(alice) == ["acme"]
    assert slugs_of(bob) == ["acme", "beta"]
    assert slugs_of(eve) == []
    # Nor root, but as the operator.
    assert w.slugs() == []
    assert [m["slug"] for m in w.daemon.api(admin=True).get(
        "/v1/meshes").json["meshes"]] == ["acme", "beta"]
    alice.register("a", "acme")
    token, _ = bob.register("b", "acme")
    bob.register("b2", "beta")
    for user, mesh in (alice, "beta"), (eve, "acme"), (eve, "beta"):
        status, said = user.ask("POST", "/v1/sessions/register", registration(
            mesh=mesh, pid=user.process.pid))
        assert (status, said["error"]) == (404, "mesh_not_attached")
        status, said = user.ask("POST", "/v1/send", {
            "to": Key().pub, "message": "x", "mesh": mesh})
        assert (status, said["error"]) == (404, "mesh_not_attached")
    for user in alice, eve:
        assert "beta" not in user.get("/v1/health")["brokers"]
        assert "beta" not in [m["slug"] for m in user.get(
            "/v1/status")["meshes"]]
    # A user is no owner.
    status, said = bob.ask("DELETE", "/v1/meshes/acme")
    assert (status, said["error"]) == (403, "not_mesh_owner")
    status, said = eve.ask("DELETE", "/v1/meshes/acme")
    assert (status, said["error"]) == (404, "mesh_not_attached")
    status, said = alice.ask("POST", "/v1/reload")
    assert (status, said["error"]) == (403, "not_daemon_owner")
    # Bob loses acme: his session there ends, alice's and his other do not.
    w.path("acme").write_text(json.dumps(w.file("acme", owner=ALICE)))
    assert w.reload()["applied"] == ["mesh acme: changed: owner or users,"]
    assert slugs_of(bob) == ["beta"]
    wait_for(lambda: bob.ask("GET", "/v1/sessions/me", token=token)[0] == 401,
             10)
    assert [s["state"] for s in alice.get("/v1/sessions")["sessions"]] == [
        "open"]
    # Eve is not served any more; the owner of a mesh is, without a word.
    w.daemon.config.write_text("[broker]\nenabled = no\n")
    assert w.reload()["applied"] == ["api.allow_uids"]
    wait_for(lambda: eve.ask("GET", "/v1/meshes")[0] == 403, 10)
    assert slugs_of(alice) == ["acme"]
    # The owner leaves.
    status, said = alice.ask("DELETE", "/v1/meshes/acme")
    assert (status, said) == (200, {"ok": True, "slug": "acme"})
    assert not w.path("acme").exists()


@as_root
def test_each_user_has_a_member_of_its_own_in_local(make, users):
    d = make.daemon(config=f"[api]\nallow_uids = {ALICE} {BOB}\n")
    alice, bob = users(d, ALICE), users(d, BOB)
    keys = {u.uid: u.get("/v1/meshes")["meshes"] for u in (alice, bob)}
    assert [len(k) for k in keys.values()] == [1, 1]
    mine = d.api().get("/v1/meshes").json["meshes"]
    assert len({m[0]["pubkey"] for m in (*keys.values(), mine)}) == 3
    assert len({m[0]["meshId"] for m in (*keys.values(), mine)}) == 1
    assert {m[0]["slug"] for m in keys.values()} == {"local"}
    token_a, key_a = alice.register("a")
    token_b, key_b = bob.register("b")
    status, _ = alice.ask("POST", "/v1/send", {
        "to": key_b, "message": "across users"}, token_a)
    assert status == 202
    wait_for(lambda: [i["body"] for i in bob.get(
        "/v1/inbox", token_b)["items"]] == ["across users"], 15)
    # What was for bob's member is bob's alone.
    status, _ = alice.ask("POST", "/v1/send", {
        "to": keys[BOB][0]["pubkey"], "message": "for bob"}, token_a)
    assert status == 202
    wait_for(lambda: [i["body"] for i in bob.get("/v1/inbox")["items"]] == [
        "for bob"], 15)
    assert alice.get("/v1/inbox")["items"] == []
    assert d.api().inbox() == []
    status, said = alice.ask("DELETE", "/v1/meshes/local")
    assert (status, said["error"]) == (409, "mesh_is_automatic")
    assert is_error(d.api(admin=True).delete("/v1/meshes/nope"), 404)
    # The same after a restart; and gone when the user is.
    d.stop()
    for f in (d.state_dir / "local.d").iterdir():
        assert f.stat().st_mode & 0o077 == 0
        d.secrets.add(json.loads(f.read_text())["secretKey"])
    d.start()
    assert alice.get("/v1/meshes")["meshes"][0]["pubkey"] == \
        keys[ALICE][0]["pubkey"]
    d.config.write_text(f"[api]\nallow_uids = {ALICE}\n")
    assert json.loads(d.ms("reload", "--json"))["ok"]
    wait_for(lambda: bob.ask("GET", "/v1/meshes")[0] == 403, 10)
    assert len(slugs_of(alice)) == 1
    d.config.write_text(f"[api]\nallow_uids = {ALICE} {BOB}\n")
    assert json.loads(d.ms("reload", "--json"))["ok"]
    wait_for(lambda: [(m["pubkey"], m["state"]) for m in bob.ask(
        "GET", "/v1/meshes")[1].get("meshes", [])] == [
            (keys[BOB][0]["pubkey"], "open")], 15)
