"""Promise: what the API asks a broker it is asked as the wire has it, by the
session's own connection or the member's, and the answer finds its question:
under the deployed brokers' names and the older ones, with ids echoed or not
(delivery.md section 9 item 13; local-api.md "Endpoints", "Limits").  What was
set of a presence is said again to a new one, and only to that.
"""

import base64
import json
import pathlib
import threading
import time

import pytest

from harness import wait_for
from harness.asserts import is_error
from harness.world import api_barrier

RECORDED = pathlib.Path(__file__).parent / "data" / "broker.jsonl"
NAMES = {
    "deployed": {"state": "state_result", "recall": "memory_results",
                 "id": "id", "memories": "memories"},
    "older": {"state": "state_value", "recall": "memory_recall_result",
              "id": "memoryId", "memories": "matches"},
}


def ok(r):
    assert r.status == 200, r
    return r.json


def answers(world, **kinds):
    """Frames, or functions of (conn, frame), by type of request."""
    for kind, answer in kinds.items():
        world.broker.answers[kind] = answer if callable(answer) else \
            lambda conn, f, answer=answer: answer


def without_id(frame):
    return {k: v for k, v in frame.items() if k != "_reqId"}


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("echo", [True, False])
def test_state_and_memory_of_either_broker(world, names, echo):
    n = NAMES[names]
    world.broker.echo = echo
    s = world.register()
    conn = s.conn()
    answers(world, get_state=lambda conn, f: {
        "type": n["state"], "key": f["key"], "value": {"for": f["key"]},
        "updatedBy": "bob", "updatedAt": "2026-11-23T22:05:09.754Z"},
        list_state={"type": "state_list", "entries": [{"key": "k"}]},
        recall={"type": n["recall"], n["memories"]: [{"id": "m1"}]},
        remember={"type": "memory_stored", n["id"]: "m2"},
        forget=lambda conn, f: {"type": "ack", "id": f["memoryId"],
                                "messageId": "", "queued": False})
    assert ok(s.api.get("/v1/state?key=k%C3%A9y"))["state"] == {
        "key": "kéy", "value": {"for": "kéy"}, "updatedBy": "bob",
        "updatedAt": "2026-11-23T22:05:09.754Z", "mesh": "acme"}
    assert ok(s.api.get("/v1/state"))["entries"] == [
        {"key": "k", "mesh": "acme"}]
    assert ok(s.api.get("/v1/memory?q=what"))["matches"] == [
        {"id": "m1", "mesh": "acme"}]
    assert ok(s.api.post("/v1/memory", {"content": "c", "tags": ["t"]})) == {
        "id": "m2", "mesh": "acme"}
    assert ok(s.api.delete("/v1/memory/m2"))["id"] == "m2"
    assert without_id(conn.of("remember")[0]) == {
        "type": "remember", "content": "c", "tags": ["t"]}
    assert without_id(conn.of("recall")[0]) == {
        "type": "recall", "query": "what"}


def test_answers_in_another_order(world):
    """Concurrent questions each get their own answer."""
    s = world.register()
    held = []

    def hold(conn, f):
        held.append(f)
        if len(held) < 3:
            return None
        return [{"type": "state_result", "key": h["key"], "value": h["key"],
                 "updatedBy": "b", "updatedAt": "t", "_reqId": h["_reqId"]}
                for h in reversed(held)]
    world.broker.echo = False       # as the answers have ids of their own
    answers(world, get_state=hold)
    got = {}

    def one(key):
        got[key] = s.api.get(f"/v1/state?key={key}").json
    threads = [threading.Thread(target=one, args=(k,)) for k in "abc"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {k: v["state"]["value"] for k, v in got.items()} == {
        k: k for k in "abc"}


def test_what_has_no_answer_is_asked_at_once(world):
    s = world.register()
    conn = s.conn()
    assert ok(s.api.post("/v1/state", {"key": "k", "value": [1, None],
                                       "other": 1})) == {
        "ok": True, "key": "k", "mesh": "acme"}
    f = world.broker.wait_frame(conn, "set_state")
    assert without_id(f) == {"type": "set_state", "key": "k",
                             "value": [1, None]}
    for value in None, "absent":
        body = {"key": "k"} if value == "absent" else {"key": "k",
                                                       "value": value}
        r = s.api.post("/v1/state", body)
        assert is_error(r, 400) == "invalid_request"
        assert "'value'" in r.json["detail"]


def test_session_and_member_ask_for_themselves(world):
    """The session's token: its own connection; without: the member's."""
    s = world.register()
    conn, member = s.conn(), world.broker.wait_member()
    seen = []

    def note(conn, f):
        seen.append(conn)
        return {"type": "skill_list", "skills": []}
    answers(world, list_skills=note)
    ok(s.api.get("/v1/skills"))
    ok(world.daemon.api().get("/v1/skills"))
    assert seen == [conn, member]
    assert is_error(s.api.get("/v1/skills?mesh=other"), 403) == \
        "not_your_mesh"
    assert is_error(world.daemon.api().get("/v1/skills?mesh=other"), 404) == \
        "mesh_not_attached"


def test_skills(world):
    s = world.register()
    conn = s.conn()
    answers(world, get_skill=lambda conn, f: {
        "type": "skill_data", "skill": {"name": f["name"], "tags": []}
        if f["name"] == "a/b c" else None},
        share_skill=lambda conn, f: {"type": "skill_ack", "name": f["name"],
                                     "action": "shared"},
        remove_skill=lambda conn, f: {"type": "skill_ack", "name": f["name"],
                                      "action": "not_found"})
    assert ok(s.api.get("/v1/skills/a%2Fb%20c"))["skill"]["name"] == "a/b c"
    assert is_error(s.api.get("/v1/skills/x"), 404) == "skill_not_found"
    body = {"description": "d", "instructions": "line\nline",
            "manifest": {"m": [1]}}
    assert ok(s.api.request("PUT", "/v1/skills/x", body))["ok"]
    assert without_id(conn.of("share_skill")[0]) == {
        "type": "share_skill", "name": "x", **body}
    assert is_error(s.api.delete("/v1/skills/x"), 404) == "skill_not_found"


def test_topics(world):
    s = world.register()
    answers(world, topic_create=lambda conn, f: {
        "type": "topic_created", "created": True,
        "topic": {"id": "T1", "name": f["name"], "visibility": "public"}},
        topic_members=lambda conn, f: {
            "type": "topic_members_response", "topic": f["topic"],
            "members": [{"displayName": "bob"}]}
        if f["topic"] == "news" else {
            "type": "error", "code": "topic_not_found", "message": "no",
            "id": f["_reqId"]})
    assert ok(s.api.post("/v1/topics", {"name": "news"})) == {
        "topic": {"id": "T1", "name": "news", "visibility": "public"},
        "created": True, "mesh": "acme"}
    assert ok(s.api.get("/v1/topics/%23news/members"))["members"] == [
        {"displayName": "bob"}]
    world.broker.echo = False       # the id is in `id`
    assert is_error(s.api.get("/v1/topics/none/members"), 404) == \
        "topic_not_found"
    world.broker.echo = True
    text = base64.b64encode("grüezi".encode()).decode()
    answers(world, topic_history=lambda conn, f: {
        "type": "topic_history_response", "topic": f["topic"],
        "messages": [{"id": str(f["limit"]), "ciphertext": text}]})
    got = ok(s.api.get("/v1/topics/news/history?limit=3"))["messages"]
    assert [(m["id"], m["body"]) for m in got] == [("3", "grüezi")]


def test_what_a_broker_refuses(world):
    s = world.register()
    answers(world, kick={"type": "error", "code": "forbidden",
                         "message": "only admins kick"},
            unban={"type": "error", "code": "not_found", "message": "who?"},
            schedule={"type": "error", "code": "invalid_cron",
                      "message": "x"})
    for world.broker.echo in True, False:
        r = s.api.post("/v1/peers/kick", {"target": "bob"})
        assert is_error(r, 403) == "forbidden"
        assert "only admins kick" in r.json["detail"]
        assert is_error(s.api.post("/v1/peers/unban", {"target": "b"}),
                        404) == "not_found"
        assert is_error(s.api.post("/v1/schedule", {
            "to": "*", "message": "m", "cron": "x"}), 400) == "invalid_cron"


def test_kick_says_whom(world):
    s = world.register()
    answers(world, kick={"type": "kick_ack", "affected": ["bob"],
                         "kicked": ["bob"],
                         "skipped_control_plane": ["bobhost"]})
    got = ok(s.api.post("/v1/peers/kick", {"all": True}))
    assert got["affected"] == ["bob"]
    assert got["skipped_control_plane"] == ["bobhost"]


def test_who_did_not_answer(world):
    """A broker that is silent: 504 names it, soon enough for clients that
    give up at 3 s; the others do not wait for it."""
    s = world.register()
    s.conn()
    api_barrier(s)
    answers(world, list_state=lambda conn, f: None)

    def names_the_broker():
        """Its worker says so, unless it is slow itself."""
        began = time.monotonic()
        r = s.api.get("/v1/state")
        assert is_error(r, 504) == "timeout"
        return time.monotonic() - began >= 2.4 and "broker" in \
            r.json["detail"]
    wait_for(names_the_broker, 30)
    api_barrier(s)
    world.broker.crash()

    def away():
        r = s.api.get("/v1/state")
        return r.status == 503 and r
    assert wait_for(away, 15).json["error"] == "unavailable"
    assert is_error(s.api.post("/v1/state", {"key": "k", "value": 1}),
                    503) == "unavailable"


def test_too_large_for_a_broker(world):
    """A frame over 65,536 bytes never leaves: the broker would close."""
    s = world.register()
    conn = s.conn()
    for body in "\u0001" * 10950, "x" * 70000:
        assert is_error(s.api.post("/v1/memory", {"content": body}),
                        413) == "message_too_large"
    assert is_error(s.api.post("/v1/memory", {"content": "x" * 60001}),
                    400) == "invalid_request"
    api_barrier(s)
    assert not conn.closed and not conn.of("remember")


def test_recorded_peers(world):
    """A frame as a deployed broker sent it."""
    frames = [json.loads(line).get("frame") or {}
              for line in RECORDED.read_text().splitlines()]
    rows = [f for f in frames if f.get("type") == "peers_list"][-1]["peers"]
    answers(world, list_peers={"type": "peers_list", "peers": rows})
    s = world.register()
    got = ok(s.api.get("/v1/peers"))["peers"]
    assert got == [{**p, "mesh": "acme"} for p in rows]
    some = ok(s.api.get("/v1/peers?all=false"))["peers"]
    assert [p["pubkey"] for p in some] == [
        p["pubkey"] for p in rows if p["peerRole"] != "control-plane"]


def attributes(conn):
    kinds = ("set_status", "set_summary", "set_visible", "set_profile",
             "set_stats", "join_group", "leave_group")
    return [without_id(f) for f in conn.frames if f["type"] in kinds]


def test_a_new_presence_is_told_again(world):
    presence = ["P1"]
    world.broker.hello = lambda conn: [world.broker.hello_ack(
        conn, presenceId=presence[0] if conn.kind == "session" else "M")]
    answers(world, set_visible={"type": "ack", "queued": False, "id": ""},
            set_profile={"type": "ack", "queued": False, "id": ""},
            list_state={"type": "state_list", "entries": []})
    s = world.register()
    first = s.conn()
    assert ok(s.api.post("/v1/profile", {
        "summary": "s", "status": "working", "visible": False,
        "title": "t", "stats": {"n": 1}})) == {
        "ok": True, "meshes": ["acme"], "applied": [
            "summary", "status", "visible", "stats", "title"]}
    assert ok(s.api.post("/v1/profile", {"status": "dnd", "bio": "b"}))["ok"]
    assert ok(s.api.post("/v1/groups/dev/join", {"role": "lead"}))["ok"]
    assert ok(s.api.post("/v1/groups/ops/join"))["ok"]
    assert ok(s.api.post("/v1/groups/ops/leave"))["ok"]
    ok(s.api.get("/v1/state"))
    assert len(attributes(first)) == 10
    for f in first.frames:
        if f["type"].startswith("set_"):
            assert f["_reqId"]
    # The same presence has them still.
    first.close(1001, "back soon")
    second = s.conn(after=first.number)
    wait_for(lambda: s.api.get("/v1/state").status == 200, 15)
    assert attributes(second) == []
    # A new one starts bare.
    presence[0] = "P2"
    second.close(1001, "back soon")
    third = s.conn(after=second.number)
    wait_for(lambda: s.api.get("/v1/state").status == 200, 15)
    got = attributes(third)
    for f in ({"type": "set_summary", "summary": "s"},
              {"type": "set_status", "status": "dnd"},
              {"type": "set_visible", "visible": False},
              {"type": "set_stats", "stats": {"n": 1}},
              {"type": "set_profile", "title": "t", "bio": "b"},
              {"type": "join_group", "name": "dev", "role": "lead"},
              {"type": "leave_group", "name": "ops"}):
        assert got.count(f) == 1
    assert len(got) == 7


def test_wrong_types_are_named(world):
    s = world.register()
    conn = s.conn()
    for method, path, body, word in (
            ("POST", "/v1/state", {"key": 7, "value": 1}, "'key'"),
            ("POST", "/v1/memory", {"content": ["x"]}, "'content'"),
            ("POST", "/v1/memory", {"content": "c", "tags": "t"}, "'tags'"),
            ("PUT", "/v1/skills/s", {"description": "d"}, "'instructions'"),
            ("POST", "/v1/topics", {}, "'name'"),
            ("POST", "/v1/groups/g/join", {"role": 1}, "'role'"),
            ("POST", "/v1/profile", {"status": "busy"}, "'status'"),
            ("POST", "/v1/profile", {"visible": 1}, "'visible'"),
            ("POST", "/v1/peers/ban", {"target": True}, "'target'"),
            ("POST", "/v1/schedule", {"to": "*", "message": "m",
                                      "deliver_at": 1, "subtype": 2},
             "'subtype'")):
        r = s.api.request(method, path, body)
        assert is_error(r, 400) == "invalid_request", (path, r)
        assert word in r.json["detail"], r
    assert [f["type"] for f in conn.frames] == ["session_hello"]
