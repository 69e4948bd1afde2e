"""Promise: `meshsup reload` and SIGHUP read the configuration and the meshes
again; meshes are added, changed and removed without disturbing the others, and
when a file is wrong nothing changes at all (design.md, "Configuration and
places").
"""

import json
import os
import signal
import threading

import pytest

from harness import Key, Member, wait_for
from harness.asserts import arrived, is_error, registration
from harness.world import row_of


class Meshes:
    """A daemon, and members of meshes with a scripted broker each."""

    def __init__(self, make, *slugs, config=""):
        self.make = make
        self.members = {}
        self.brokers = {}
        for slug in slugs:
            self.new(slug)
        self.daemon = make.daemon(config=config, meshes=[
            self.file(slug) for slug in slugs])

    def new(self, slug):
        self.members[slug] = Member(f"mesh-{slug}", f"member-{slug}",
                                    slug=slug, name="hosty")
        self.brokers[slug] = self.make.scripted([self.members[slug]])
        self.brokers[slug].route = True

    def file(self, slug, **changes):
        return {**self.members[slug].mesh_file(self.brokers[slug].url),
                **changes}

    def path(self, slug):
        return self.daemon.state_dir / "meshes.d" / f"{slug}.json"

    def rewrite(self, slug, **changes):
        """Its file, with other values; a change to None takes one away."""
        text = {k: v for k, v in self.file(slug, **changes).items()
                if v is not None}
        self.path(slug).write_text(json.dumps(text))

    def reload(self):
        return json.loads(self.daemon.ms("reload", "--json"))

    def pids(self, slug):
        """Of all processes of a mesh, once they are all up."""
        def found():
            p = [p for p in self.daemon.status()["processes"]
                 if p.get("mesh") == slug]
            return p and all(x["state"] == "running" for x in p) and p
        return sorted(p["pid"] for p in wait_for(found, 15, slug))

    def slugs(self):
        return sorted(m["slug"] for m in self.daemon.api().get(
            "/v1/meshes").json["meshes"])


@pytest.fixture
def two(make):
    return Meshes(make, "acme", "beta")


class Undisturbed:
    """What must be as it was: processes and connections of a mesh."""

    def __init__(self, world, slug, *sessions):
        self.world, self.slug, self.sessions = world, slug, sessions
        world.brokers[slug].wait_member()
        self.pids = world.pids(slug)
        self.conns = len(world.brokers[slug].conns)

    def check(self):
        broker = self.world.brokers[self.slug]
        assert self.world.pids(self.slug) == self.pids
        for s in self.sessions:
            assert s.send(Key().pub, "still here").status == 202
            broker.wait(lambda: s.pubkey in [
                c.pub for c in broker.live() if c.sends], 10)
        assert len(broker.conns) == self.conns, broker.conns


def test_a_mesh_is_added(make):
    w = Meshes(make, "acme")
    s = w.daemon.register("s", mesh="acme")
    quiet = Undisturbed(w, "acme", s)
    w.new("beta")
    w.daemon.add_mesh(w.file("beta"))
    said = w.reload()
    assert said == {"ok": True, "applied": ["mesh beta: added"],
                    "needs_restart": [], "faults": []}
    assert w.slugs() == ["acme", "beta"]
    t = w.daemon.register("t", mesh="beta")
    u = w.daemon.register("u", mesh="beta")
    t.send(u, "on the new one")
    arrived(u, "on the new one")
    quiet.check()


def test_nothing_has_changed(two):
    s = two.daemon.register("s", mesh="acme")
    quiet = [Undisturbed(two, "acme", s), Undisturbed(two, "beta")]
    assert two.reload()["applied"] == []
    assert "nothing has changed" in two.daemon.ms("reload")
    for q in quiet:
        q.check()


def test_another_broker_restarts_the_workers_of_that_mesh_only(two):
    s = two.daemon.register("s", mesh="acme")
    t = two.daemon.register("t", mesh="beta")
    quiet = Undisturbed(two, "acme", s)
    old = two.pids("beta")
    other = two.make.scripted([two.members["beta"]])
    two.rewrite("beta", brokerUrl=other.url)
    assert two.reload()["applied"] == [
        "mesh beta: changed: broker or ids,"]
    assert other.wait_member().hello["pubkey"] == two.members["beta"].key.pub
    assert other.wait_session(t.pubkey)
    t.wait_open()
    assert not set(old) & set(two.pids("beta"))
    two.brokers["beta"].wait(lambda: not two.brokers["beta"].live(), 10)
    quiet.check()


def test_another_key_keeps_the_sessions(two):
    """They go on, attested by the new member."""
    t = two.daemon.register("t", mesh="beta")
    quiet = Undisturbed(two, "acme")
    old = two.members["beta"]
    new = Member("mesh-beta", "member-new", slug="beta", name="hosty")
    two.members["beta"] = new
    two.brokers["beta"].members[new.key.pub] = new
    two.daemon.secrets.add(new.key.secret)
    two.rewrite("beta")
    assert two.reload()["applied"] == ["mesh beta: has another key"]
    conn = two.brokers["beta"].wait(lambda: [
        c for c in two.brokers["beta"].live() if c.pub == t.pubkey and
        c.hello["parentMemberPubkey"] == new.key.pub], 15)[0]
    assert conn.hello["parentMemberPubkey"] != old.key.pub
    t.wait_open()
    assert [m["pubkey"] for m in two.daemon.api().get("/v1/meshes").json[
        "meshes"] if m["slug"] == "beta"] == [new.key.pub]
    quiet.check()


def test_a_removed_mesh_ends_what_is_on_it(two):
    s = two.daemon.register("s", mesh="acme")
    t = two.daemon.register("t", mesh="beta")
    quiet = Undisturbed(two, "acme", s)
    two.brokers["beta"].acks = lambda conn, frame: {
        "error": "no connected peer for target (not online, or targetSpec is"
                 " your own key without another session)"}
    cid = t.send(Key().pub, "never to arrive").json["client_message_id"]
    mine = two.daemon.api().send(Key().pub, "by the member", mesh="beta")
    wait_for(lambda: row_of(t, cid)["attempts"] > 0, 10)
    two.path("beta").unlink()
    assert two.reload()["applied"] == ["mesh beta: removed"]
    assert two.slugs() == ["acme"]
    assert is_error(t.api.get("/v1/inbox"), 401)
    assert is_error(two.daemon.api().post(
        "/v1/sessions/register", registration(mesh="beta")), 404) == \
        "mesh_not_attached"
    two.brokers["beta"].wait(lambda: not two.brokers["beta"].live(), 10)
    ids = [cid, mine.json["client_message_id"]]
    wait_for(lambda: {r["last_error"] for r in two.daemon.query(
        "SELECT last_error FROM outbox WHERE client_message_id IN (?, ?)"
        " AND ended_at IS NOT NULL", *ids)} == {"mesh_removed"}, 15,
        "its rows have not ended")
    wait_for(lambda: not [p for p in two.daemon.status()["processes"]
                          if p.get("mesh") == "beta"], 10)
    wait_for(lambda: t.session_id not in [
        x["sessionId"] for x in two.daemon.api().get(
            "/v1/sessions").json["sessions"]], 10)
    quiet.check()


def test_a_mesh_goes_while_a_session_registers(two):
    """It is told so, and does not wait for its worker in vain."""
    t = two.daemon.register("t", mesh="beta")
    pid = two.daemon.pid("worker", t)
    os.kill(pid, signal.SIGSTOP)
    two.path("beta").unlink()
    api, answers = two.daemon.api(), []
    register = threading.Thread(target=lambda: answers.append(
        two.daemon.api().post("/v1/sessions/register", {
            **t.body(), "display_name": "another name"})))
    register.start()
    # Its worker is to end first, which it cannot.
    wait_for(lambda: [p["state"] for p in api.get("/v1/status").json[
        "processes"] if p["pid"] == pid] != ["running"], 10)
    assert api.post("/v1/reload").json["applied"] == ["mesh beta: removed"]
    register.join()
    assert is_error(answers[0], 503) == "registration_failed"
    assert "mesh" in answers[0].json["detail"]


def test_leaving_does_not_take_another_key(two):
    """A file that was put there since, and not read yet, stays."""
    new = Member("mesh-beta", "member-new", slug="beta", name="hosty")
    two.members["beta"] = new
    two.daemon.secrets.add(new.key.secret)
    two.rewrite("beta")
    r = two.daemon.api().delete("/v1/meshes/beta")
    assert is_error(r, 409) == "mesh_file_changed"
    assert json.loads(two.path("beta").read_text())["pubkey"] == new.key.pub
    two.brokers["beta"].members[new.key.pub] = new
    two.reload()
    assert two.daemon.api().delete("/v1/meshes/beta").status == 200
    assert not two.path("beta").exists()


def test_a_mesh_comes_back(two):
    """With the key that it had, and so does a session of the same name."""
    t = two.daemon.register("t", mesh="beta")
    text = two.path("beta").read_text()
    two.path("beta").unlink()
    two.reload()
    two.daemon.add_mesh(json.loads(text))
    assert two.reload()["applied"] == ["mesh beta: added"]
    again = two.daemon.register("t", mesh="beta", session_id=t.session_id)
    assert again.pubkey == t.pubkey


@pytest.mark.parametrize("spoil, why", [
    ("{\n \"slug\": \"new\",\n oops\n}", ":3: not a JSON object"),
    (None, ":1: \"brokerUrl\" must be"),
])
def test_a_faulty_mesh_file_changes_nothing(two, spoil, why):
    """Not half of it either: what is right waits for what is wrong."""
    s = two.daemon.register("s", mesh="acme")
    quiet = [Undisturbed(two, "acme", s), Undisturbed(two, "beta")]
    two.new("good")
    two.daemon.add_mesh(two.file("good"))
    two.new("new")
    two.daemon.add_mesh(two.file("new", brokerUrl="http://x"))
    if spoil:
        two.path("new").write_text(spoil)
    two.path("beta").unlink()
    r = two.daemon.command("reload")
    assert r.returncode == 1
    assert f"{two.path('new')}{why}" in r.stderr, r.stderr
    assert "nothing was changed" in r.stderr
    r = two.daemon.command("reload", "--json")
    said = json.loads(r.stdout)
    assert r.returncode == 1 and said["ok"] is False
    assert said["error"] == "reload_failed"
    assert said["applied"] == said["needs_restart"] == []
    assert len(said["faults"]) == 1 and why in said["faults"][0]
    assert two.slugs() == ["acme", "beta"]
    for q in quiet:
        q.check()
    # Put right, all of it is done.
    two.rewrite("new")
    assert sorted(two.reload()["applied"]) == [
        "mesh beta: removed", "mesh good: added", "mesh new: added"]


def test_a_faulty_configuration_changes_nothing(two):
    two.daemon.config.write_text("[daemon]\nlog_level = loud\n")
    two.path("beta").unlink()
    r = two.daemon.command("reload")
    assert r.returncode == 1
    assert f"{two.daemon.config}:2: log_level: error, warn" in r.stderr
    two.daemon.wait_log(r"c:2: log_level")
    assert two.slugs() == ["acme", "beta"]


def test_options_that_count_at_once_and_those_that_do_not(two):
    assert not [x for x in two.daemon.log() if x.get("level") == "debug"]
    two.daemon.config.write_text(
        "[daemon]\nlog_level = debug\ndrain_timeout = 200ms\n"
        "[store]\nretention = 14d\n"
        "[sessions]\nlinger = 5m\n")
    said = two.reload()
    assert sorted(said["applied"]) == ["daemon.log_level", "sessions.linger"]
    assert said["needs_restart"] == ["store.retention"]
    two.daemon.wait_log("reload: needs a restart: store.retention")
    two.daemon.register("s", mesh="acme")
    wait_for(lambda: [x for x in two.daemon.log()
                      if x.get("level") == "debug"], 10)
    # What needs a restart is said again, as long as it does.
    assert two.reload()["needs_restart"] == ["store.retention"]


def test_sighup_reloads_and_opens_the_log_again(two):
    two.path("beta").unlink()
    two.daemon.log_path.rename(two.daemon.log_path.with_suffix(".old"))
    os.kill(two.daemon.pid("supervisor"), signal.SIGHUP)
    wait_for(lambda: two.slugs() == ["acme"], 10)
    two.daemon.wait_log("reload: mesh beta: removed")
    two.daemon.wait_log("reload: done")


def test_the_last_mesh_goes_and_local_comes(make):
    """And with it the embedded broker, which nobody needed so far."""
    w = Meshes(make, "acme")
    assert not w.daemon.processes("broker")
    w.path("acme").unlink()
    assert sorted(w.reload()["applied"]) == [
        "mesh acme: removed", "mesh local: added"]
    wait_for(lambda: w.slugs() == ["local"], 10)
    a, b = w.daemon.register("a"), w.daemon.register("b")
    a.send(b, "at home")
    arrived(b, "at home")
    # Again: it is the same, with the key that its file has.
    assert w.reload()["applied"] == []
    w.daemon.stop()
    w.daemon.start()
    assert w.slugs() == ["local"]


def test_under_load_nothing_is_lost(two):
    """Reload after reload, with a mesh that comes and goes beside it."""
    s = two.daemon.register("s", mesh="acme")
    t = two.daemon.register("t", mesh="acme")
    quiet = Undisturbed(two, "acme")
    text = two.path("beta").read_text()
    for i in range(40):
        assert s.send(t, f"m{i}").status == 202
        if i % 8 == 3:
            two.path("beta").unlink()
            two.reload()
        elif i % 8 == 7:
            two.daemon.add_mesh(json.loads(text))
            two.reload()
    wait_for(lambda: len(t.inbox()) == 40, 60)
    assert [i["body"] for i in reversed(t.inbox())] == [
        f"m{i}" for i in range(40)]
    quiet.check()
