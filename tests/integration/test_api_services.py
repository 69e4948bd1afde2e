"""Promise: with no other service, on the embedded broker, the API shares state,
memory, skills, topics, groups, profiles and scheduled messages, tells about the
mesh, and moderates it; each session on its own mesh, as far as its
capabilities go (local-api.md "Endpoints").
"""

import time

import pytest

from harness import wait_for
from harness.asserts import arrived, is_error
from harness.keys import Member, minted_id


def ok(r):
    assert r.status == 200, r
    return r.json


def row_of(session, name):
    """A session's row in the list of peers."""
    rows = ok(session.api.get("/v1/peers?all=false"))["peers"]
    return next((p for p in rows if p["displayName"] == name), None)


def test_state(alice, bob, api):
    assert is_error(alice.api.get("/v1/state?key=none"), 404) == \
        "state_not_found"
    for value in {"a": [1, None, "é"]}, False, 0, "text":
        assert ok(alice.api.post("/v1/state", {"key": "k/é", "value": value})
                  ) == {"ok": True, "key": "k/é", "mesh": "local"}
        # On another connection: not before the broker has read it.
        wait_for(lambda: (r := bob.api.get("/v1/state?key=k%2F%C3%A9")).status
                 == 200 and r.json["state"]["value"] == value, 15)
    state = ok(bob.api.get("/v1/state?key=k%2F%C3%A9"))["state"]
    assert state["key"] == "k/é" and state["mesh"] == "local"
    assert state["updatedBy"] == "alice" and state["updatedAt"].endswith("Z")
    assert state in ok(api.get("/v1/state"))["entries"]


def test_memory(alice, bob, api):
    m = ok(alice.api.post("/v1/memory", {
        "content": "The staging database is on port 5433.",
        "tags": ["staging", "ports"]}))
    assert m["mesh"] == "local"
    got, = ok(bob.api.get("/v1/memory?q=staging%20database"))["matches"]
    assert got["id"] == m["id"] and got["tags"] == ["staging", "ports"]
    assert got["content"].endswith("5433.") and got["mesh"] == "local"
    assert got["rememberedBy"] == "alice"
    assert ok(api.delete(f"/v1/memory/{m['id']}")) == {
        "ok": True, "id": m["id"], "mesh": "local"}
    assert ok(bob.api.get("/v1/memory?q=staging"))["matches"] == []


def test_skills(alice, bob):
    body = {"description": "how to deploy", "instructions": "one\ntwo",
            "tags": ["ops"], "manifest": {"files": []}}
    assert ok(alice.api.request("PUT", "/v1/skills/de%2Fploy", body))["ok"]
    got = ok(bob.api.get("/v1/skills/de%2Fploy"))["skill"]
    assert {k: got[k] for k in body} == body and got["name"] == "de/ploy"
    listed, = ok(bob.api.get("/v1/skills?query=deploy"))["skills"]
    assert listed["author"] == "alice" and listed["mesh"] == "local"
    assert ok(alice.api.delete("/v1/skills/de%2Fploy"))["ok"]
    assert is_error(bob.api.delete("/v1/skills/de%2Fploy"), 404) == \
        "skill_not_found"
    assert is_error(bob.api.get("/v1/skills/de%2Fploy"), 404) == \
        "skill_not_found"


def test_topics(alice, bob):
    made = ok(alice.api.post("/v1/topics", {"name": "news",
                                            "description": "what is new"}))
    assert made["created"] and made["topic"]["name"] == "news"
    assert not ok(bob.api.post("/v1/topics", {"name": "#news"}))["created"]
    topic = made["topic"]["id"]
    assert topic in [t["id"] for t in ok(bob.api.get("/v1/topics"))["topics"]]
    joined = ok(bob.api.post("/v1/topics/%23news/join"))
    assert joined["ok"] and joined["topic"]["id"] == topic
    names = [m["displayName"] for m in
             ok(alice.api.get(f"/v1/topics/{topic}/members"))["members"]]
    assert names, "nobody is a member"
    assert alice.send(f"#{topic}", "grüezi all").status == 202
    arrived(bob, "grüezi all")
    history = ok(bob.api.get("/v1/topics/news/history?limit=5"))["messages"]
    assert [m["body"] for m in history] == ["grüezi all"]
    assert ok(bob.api.post("/v1/topics/news/read"))["ok"]
    assert ok(bob.api.post("/v1/topics/news/leave"))["ok"]
    for path in "join", "leave":
        assert is_error(bob.api.post(f"/v1/topics/none/{path}"), 404) == \
            "topic_not_found"
    for path in "members", "history":
        assert is_error(bob.api.get(f"/v1/topics/none/{path}"), 404) == \
            "topic_not_found"


def test_groups(alice, daemon):
    carol = daemon.register("carol")
    assert ok(carol.api.post("/v1/groups/@night%2Fshift/join",
                             {"role": "lead"})) == {
        "ok": True, "group": "night/shift", "mesh": "local"}
    wait_for(lambda: row_of(alice, "carol")["groups"] == [
        {"name": "night/shift", "role": "lead"}], 15)
    assert alice.send("@night/shift", "who is awake?").status == 202
    arrived(carol, "who is awake?")
    ok(carol.api.post("/v1/groups/night%2Fshift/leave"))
    wait_for(lambda: row_of(alice, "carol")["groups"] == [], 15)


def test_profile(alice, daemon):
    dave = daemon.register("dave")
    assert ok(dave.api.post("/v1/profile", {
        "summary": "fixing tests", "status": "working", "title": "tester",
        "capabilities": ["c"], "stats": {"turns": 3}}))["applied"] == [
        "summary", "status", "stats", "title", "capabilities"]

    def shown():
        row = row_of(alice, "dave")
        return row and row["summary"] == "fixing tests" and \
            row["status"] == "working" and \
            row["profile"]["title"] == "tester" and \
            row["stats"] == {"turns": 3}
    wait_for(shown, 15)
    ok(dave.api.post("/v1/profile", {"visible": False}))
    wait_for(lambda: row_of(alice, "dave")["visible"] is False, 15)
    ok(dave.api.post("/v1/profile", {"visible": True}))


def test_mesh_info(alice, api):
    info = ok(alice.api.get("/v1/mesh_info"))
    assert info["mesh"] == "local" and info["info"]["yourName"] == "alice"
    assert ok(api.get("/v1/mesh_info"))["info"]["peers"] >= 2


def test_schedule(alice, bob):
    at = time.time() + 3600
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + "Z"
    later = ok(alice.api.post("/v1/schedule", {
        "to": "bob", "message": "in an hour", "deliver_at": text}))
    assert later["to"] == bob.pubkey
    assert later["deliverAt"] == text[:-1] + ".000Z"
    soon = ok(alice.api.post("/v1/schedule", {
        "to": "bob", "message": "now, please",
        "deliver_at": int(time.time() * 1000)}))
    assert soon["scheduledId"] != later["scheduledId"]
    arrived(bob, "now, please")
    daily = ok(alice.api.post("/v1/schedule", {
        "to": "*", "message": "good morning", "cron": "0 9 * * *"}))
    assert daily["cron"] == "0 9 * * *"
    mine = ok(alice.api.get("/v1/schedule"))["scheduled"]
    ids = {s["scheduledId"] for s in (later, daily)}
    assert ids <= {m["id"] for m in mine}
    assert all(m["mesh"] == "local" for m in mine)
    for s in later, daily:
        ok(alice.api.delete(f"/v1/schedule/{s['scheduledId']}"))
        assert is_error(alice.api.delete(
            f"/v1/schedule/{s['scheduledId']}"), 404) == "not_found"
    mine = ok(alice.api.get("/v1/schedule"))["scheduled"]
    assert not ids & {m["id"] for m in mine}
    assert is_error(alice.api.post("/v1/schedule", {
        "to": "*", "message": "m", "cron": "99 * * * *"}), 400) == \
        "invalid_cron"


def test_kick_and_bans(alice, daemon):
    eve = daemon.register("eve")
    kicked = ok(alice.api.post("/v1/peers/kick", {"target": "eve"}))
    assert kicked["affected"] == ["eve"] and kicked["mesh"] == "local"
    eve.wait_state("parked")
    assert ok(alice.api.get("/v1/peers/bans"))["bans"] == []
    assert is_error(alice.api.post("/v1/peers/unban", {"target": "nobody"}),
                    404) == "not_found"
    nobody = ok(alice.api.post("/v1/peers/disconnect", {"target": "nobody"}))
    assert nobody["affected"] == []


@pytest.mark.parametrize("method, path, body, needs", [
    ("GET", "/v1/state", None, "state-read"),
    ("POST", "/v1/state", {"key": "k", "value": 1}, "state-write"),
    ("DELETE", "/v1/memory/x", None, "state-write"),
    ("PUT", "/v1/skills/s", {"description": "", "instructions": "i"},
     "service-deploy"),
    ("POST", "/v1/groups/g/join", None, "profile-write"),
    ("POST", "/v1/peers/kick", {"all": True}, "kick"),
    ("POST", "/v1/peers/ban", {"target": "alice"}, "ban"),
])
def test_capabilities(daemon, method, path, body, needs):
    few = daemon.register("few", caps=["dm"])
    r = few.api.request(method, path, body)
    assert is_error(r, 403) == "missing_capability"
    assert needs in r.json["detail"]


def test_several_meshes(make):
    """Lists of a caller without a session are of all its meshes, what is one
    needs the name of its mesh, and a mesh that is away is named."""
    members = [Member("mesh-" + minted_id(), "member-" + minted_id(),
                      slug=slug, name="hosty") for slug in ("east", "west")]
    brokers = {m.slug: make.scripted([m]) for m in members}
    for slug, b in brokers.items():
        b.answers["list_state"] = lambda conn, f, slug=slug: {
            "type": "state_list", "entries": [{"key": slug}]}
        b.answers["get_state"] = lambda conn, f, slug=slug: {
            "type": "state_result", "key": f["key"], "value": slug,
            "updatedBy": "x", "updatedAt": "y"}
    d = make.daemon(meshes=[m.mesh_file(brokers[m.slug].url)
                            for m in members])
    api = d.api()
    both = [{"key": s, "mesh": s} for s in brokers]

    def entries():
        r = api.get("/v1/state")
        return r.status == 200 and sorted(
            r.json["entries"], key=lambda e: e["mesh"])
    wait_for(lambda: entries() == both, 15)
    assert ok(api.get("/v1/state?mesh=west"))["entries"] == both[1:]
    r = api.get("/v1/state?key=k")
    assert is_error(r, 400) == "mesh_required"
    assert sorted(r.json["attached"]) == ["east", "west"]
    assert ok(api.get("/v1/state?key=k&mesh=east"))["state"]["value"] == \
        "east"
    assert is_error(api.post("/v1/state", {"key": "k", "value": 1}),
                    400) == "mesh_required"
    brokers["west"].crash()
    wait_for(lambda: entries() == both[:1], 15)
    away, = ok(api.get("/v1/state"))["unavailable"]
    assert away["mesh"] == "west" and away["error"] == "unavailable"
