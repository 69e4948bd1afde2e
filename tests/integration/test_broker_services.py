"""Promise: state, memory, skills and mesh_info of the embedded broker answer
what the protocol says, survive a kill, belong to their mesh, and have limits
that one member cannot take from another (broker-protocol.md, "Requests and
answers").
"""

import pytest

from harness import wait_for


@pytest.fixture
def broker(make):
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    b.eve_member = b.add_member("other", "eve")
    return b.start()


@pytest.fixture
def alice(broker):
    return broker.peer(broker.alice_member, name="al")


@pytest.fixture
def bob(broker):
    return broker.peer(broker.bob_member, name="bo")


def restart(broker, *peers):
    broker.kill()
    broker.start()
    for p in peers:
        p.url = broker.url
        p.connect()


def error(frame, code):
    assert frame["type"] == "error" and frame["code"] == code, frame
    assert frame["message"]


# --- state ---

def test_state(broker, alice, bob):
    none = alice.ask("get_state", key="k")
    assert none == {"type": "state_result", "_reqId": none["_reqId"],
                    "key": "k", "value": None, "updatedBy": "",
                    "updatedAt": ""}
    value = {"a": [1, 2.5, "x\"'; --", None, True], "ü": "✓"}
    alice.put({"type": "set_state", "key": "k", "value": value})
    change = bob.expect("state_change")
    assert change == {"type": "state_change", "key": "k", "value": value,
                      "updatedBy": "al"}
    got = bob.ask("get_state", key="k")
    assert got["value"] == value and got["updatedBy"] == "al"
    assert got["updatedAt"].endswith("Z")
    bob.put({"type": "set_state", "key": "k", "value": 7},
            {"type": "set_state", "key": "'; DROP TABLE state; --",
             "value": False})
    assert alice.expect("state_change")["value"] == 7
    # Null is swallowed, and the setter is not told.
    bob.put({"type": "set_state", "key": "k", "value": None},
            {"type": "set_state", "key": "k"})
    entries = bob.ask("list_state")["entries"]
    assert [(e["key"], e["value"], e["updatedBy"]) for e in entries] == [
        ("'; DROP TABLE state; --", False, "bo"), ("k", 7, "bo")]
    assert bob.unexpected("state_change") == []
    restart(broker, bob)
    assert bob.ask("list_state")["entries"] == entries
    eve = broker.peer(broker.eve_member)
    assert eve.ask("get_state", key="k")["value"] is None
    assert eve.ask("list_state")["entries"] == []


def test_state_limits(broker, alice, bob):
    error(alice.ask("get_state"), "invalid_args")
    error(alice.ask("set_state", key="k" * 257, value=1), "invalid_args")
    error(alice.ask("set_state", key="", value=1), "invalid_args")
    error(alice.ask("set_state", key="k", value="v" * 16384), "invalid_args")
    bob.put({"type": "set_state", "key": "bobs", "value": 1})
    alice.put(*({"type": "set_state", "key": f"k{i}", "value": i}
                for i in range(1000)))
    error(alice.ask("set_state", key="one more", value=1), "limit_exceeded")
    # What is there already may change, and others are not concerned.
    alice.put({"type": "set_state", "key": "k0", "value": 8})
    bob.put({"type": "set_state", "key": "bobs", "value": 2})
    entries = {e["key"]: e["value"] for e in
               bob.ask("list_state")["entries"]}
    assert len(entries) == 1001
    wait_for(lambda: alice.ask("get_state", key="bobs")["value"] == 2)
    assert alice.ask("get_state", key="k0")["value"] == 8


def test_a_list_that_is_too_long(make):
    """All members together may store more than a worker passes on: the list
    ends before that, and says so."""
    broker = make.broker()
    members = [broker.add_member("local", f"m{i}") for i in range(4)]
    broker.start()
    for i, member in enumerate(members):
        peer = broker.peer(member)
        peer.put(*({"type": "set_state", "key": f"{i}-{j}",
                    "value": "x" * 16300} for j in range(60)))
        assert len(peer.ask("mesh_info")["stateKeys"]) == 60 * (i + 1)
    daemon = make.daemon(meshes=[members[0].mesh_file(broker.url)])
    r = daemon.register("alice").api.get("/v1/state")
    assert r.status == 200, r
    assert r.json["truncated"] is True
    assert 150 < len(r.json["entries"]) < 240


# --- memory ---

def contents(answer):
    assert answer["type"] == "memory_results"
    return [m["content"] for m in answer["memories"]]


def test_memory(broker, alice, bob):
    stored = alice.ask("remember", content="The deploy key is on the shelf",
                       tags=["deploy", "ops"])
    assert stored["type"] == "memory_stored"
    bob.ask("remember", content="Deployments happen on Tuesdays")
    bob.ask("remember", content="Tea is in the kitchen")
    found = bob.ask("recall", query="shelf")["memories"]
    assert found == [{
        "id": stored["id"], "content": "The deploy key is on the shelf",
        "tags": ["deploy", "ops"], "rememberedBy": "al",
        "rememberedAt": found[0]["rememberedAt"]}]
    assert contents(bob.ask("recall", query="deployment tuesday")) == [
        "Deployments happen on Tuesdays"]
    # All of the words, or else some of them.
    assert set(contents(bob.ask("recall", query="kitchen shelf"))) == {
        "Tea is in the kitchen", "The deploy key is on the shelf"}
    restart(broker, alice)
    assert contents(alice.ask("recall", query="ops")) == [
        "The deploy key is on the shelf"]
    eve = broker.peer(broker.eve_member)
    assert contents(eve.ask("recall", query="deploy")) == []
    eve.ask("forget", memoryId=stored["id"])
    assert len(contents(alice.ask("recall", query="shelf"))) == 1
    assert alice.ask("forget", memoryId=stored["id"])["type"] == "ack"
    assert contents(alice.ask("recall", query="shelf")) == []
    assert alice.ask("forget", memoryId=stored["id"])["type"] == "ack"


@pytest.mark.parametrize("query", [
    '"', '""', 'tea"', "tea'", 'tea AND', 'OR tea', 'NOT tea', 'tea*',
    'NEAR(tea', '(tea', 'tea)', 'content:tea', '{tea}', '^tea', '-tea',
    'tea + "', "tea; DROP TABLE memory", '✓ tea', 'tea — “tea”',
    'scope:m1 tea',
    'tea \\', 'TEA', 'tea ' * 3000])
def test_any_text_is_a_query(alice, query):
    alice.ask("remember", content="Tea is in the kitchen")
    assert contents(alice.ask("recall", query=query))[:1] == (
        ["Tea is in the kitchen"])


def test_at_most_twenty(alice):
    for i in range(25):
        alice.ask("remember", content=f"note {i}")
    assert len(contents(alice.ask("recall", query="note"))) == 20
    # No word at all: the newest.
    assert contents(alice.ask("recall", query="?!"))[0] == "note 24"
    assert contents(alice.ask("recall", query=""))[19] == "note 5"


def test_memory_limits(alice):
    error(alice.ask("remember"), "invalid_args")
    error(alice.ask("remember", content="x" * 32769), "invalid_args")
    error(alice.ask("remember", content="x", tags="t"), "invalid_args")
    error(alice.ask("remember", content="x", tags=["t"] * 33), "invalid_args")
    error(alice.ask("remember", content="x", tags=["t" * 65]),
          "invalid_args")
    error(alice.ask("remember", content="x", tags=[7]), "invalid_args")
    error(alice.ask("recall", query=7), "invalid_args")
    error(alice.ask("forget"), "invalid_args")


# --- skills ---

def test_skills(broker, alice, bob):
    none = alice.ask("get_skill", name="review")
    assert none["type"] == "skill_data" and none["skill"] is None
    manifest = {"files": ["a", {"b": 1}]}
    ack = alice.ask("share_skill", name="review", description="How to 100%",
                    instructions="Read\nit \"all\".", tags=["code"],
                    manifest=manifest)
    assert (ack["type"], ack["name"], ack["action"]) == (
        "skill_ack", "review", "shared")
    bob.ask("share_skill", name="it's", description="", instructions="")
    skills = bob.ask("list_skills")["skills"]
    assert [s["name"] for s in skills] == ["it's", "review"]
    assert skills[1] == {"name": "review", "description": "How to 100%",
                         "tags": ["code"], "author": "al",
                         "createdAt": skills[1]["createdAt"]}
    for query, n in (("REVIEW", 1), ("code", 1), ("%", 1), ("_", 0),
                     ("'", 1), ("nothing", 0), ("", 2)):
        assert len(bob.ask("list_skills", query=query)["skills"]) == n, query
    restart(broker, alice)
    got = alice.ask("get_skill", name="review")["skill"]
    assert got == {**skills[1], "instructions": "Read\nit \"all\".",
                   "manifest": manifest}
    eve = broker.peer(broker.eve_member)
    assert eve.ask("list_skills")["skills"] == []
    assert eve.ask("remove_skill", name="review")["action"] == "not_found"
    assert alice.ask("remove_skill", name="review")["action"] == "removed"
    assert alice.ask("remove_skill", name="review")["action"] == "not_found"


def test_skill_limits(alice):
    good = {"name": "n", "description": "d", "instructions": "i"}
    for name, value in (("name", "n" * 129), ("name", ""), ("name", None),
                        ("description", "d" * 4097), ("description", 7),
                        ("instructions", "i" * 49153), ("tags", {}),
                        ("manifest", "m" * 16385)):
        error(alice.ask("share_skill", **{**good, name: value}),
              "invalid_args")
    for i in range(200):
        alice.put({"type": "share_skill", **good, "name": f"n{i}"})
    error(alice.ask("share_skill", **good), "limit_exceeded")
    assert alice.ask("share_skill", **{**good, "name": "n7"})["action"] == (
        "shared")
    alice.ask("remove_skill", name="n8")
    assert alice.ask("share_skill", **good)["action"] == "shared"


# --- mesh_info ---

def test_mesh_info(broker, bob):
    alice = broker.peer(broker.alice_member, name="al", groups=[
        {"name": "dev", "role": "lead"}, {"name": "ops"}])
    alice.put({"type": "set_state", "key": "color", "value": 1})
    alice.ask("remember", content="x")
    info = alice.ask("mesh_info")
    assert info["type"] == "mesh_info_result"
    assert info["mesh"] == "local" and info["peers"] == 2
    assert sorted(info["groups"]) == ["dev", "ops"]
    assert info["stateKeys"] == ["color"] and info["memoryCount"] == 1
    assert info["yourName"] == "al"
    assert info["yourGroups"] == [{"name": "dev", "role": "lead"},
                                  {"name": "ops"}]
    assert bob.ask("mesh_info")["yourGroups"] == []
