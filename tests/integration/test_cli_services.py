"""Promise: whatever the API offers of a broker's services can be done at a
shell, for people and as JSON, and what strangers wrote only reads there
(meshsup(1); local-api.md "Endpoints").
"""

import base64
import json
import os
import signal

import pytest

from harness import Key, wait_for
from harness.keys import Member, minted_id
from harness.shell import arrived, data, register


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    for name in "alice", "bob":
        register(d, name)
    register(d, "few", "--caps", "dm")
    return d


def as_(daemon, name, *args, **kw):
    """What a verb of a session prints."""
    return daemon.ms(*args, "--as", name, **kw)


def json_of(daemon, name, *args):
    return data(daemon, *args, "--as", name)


def refused(r, code):
    """It was not done, for this reason, which is also there as JSON."""
    assert r.returncode == 1 and code in r.stderr, r
    return r


def row(text, word):
    """The line of a table that begins with the word."""
    return next(x for x in text.splitlines() if x.split()[:1] == [word])


def peer(daemon, name):
    rows = json_of(daemon, "alice", "peers")["peers"]
    return next((p for p in rows if p["displayName"] == name), None)


def test_state(daemon):
    refused(daemon.command("state", "get", "none", "--as", "alice"),
            "meshsup state list")
    out = as_(daemon, "alice", "state", "set", "k/é", '{"a":[1,null]}')
    assert "k/é" in out and "local" in out
    answer = json_of(daemon, "alice", "state", "set", "text", "--string",
                     "4 words\nof it")
    assert answer == {"ok": True, "key": "text", "mesh": "local"}
    # Over another connection: not before the broker has read it.
    wait_for(lambda: daemon.command("state", "get", "text", "--as", "bob")
             .stdout == "4 words\nof it\n", 15)
    assert as_(daemon, "bob", "state", "get", "k/é") == '{"a":[1,null]}\n'
    state = json_of(daemon, "bob", "state", "get", "text")["state"]
    assert state["value"] == "4 words\nof it"
    assert state["updatedBy"] == "alice"
    listed = daemon.ms("state", "list")
    assert row(listed, "k/é").split()[1:3] == ["local", "alice"]
    assert "words" in row(listed, "text")
    assert {"k/é", "text"} <= {e["key"] for e in data(daemon, "state",
                                                     "list")["entries"]}


def test_a_value_that_is_no_json_is_no_text(daemon):
    r = daemon.command("state", "set", "typo", "{true", "--as", "alice")
    assert r.returncode == 2 and "--string" in r.stderr
    for value in "null", "":
        assert daemon.command("state", "set", "typo", value, "--as",
                              "alice").returncode in (1, 2)
    refused(daemon.command("state", "get", "typo", "--as", "alice"),
            "state_not_found")
    daemon.ms("state", "set", "piped", "-", "--as", "alice",
              stdin='"from a pipe"')
    wait_for(lambda: daemon.command("state", "get", "piped", "--as", "bob")
             .stdout == "from a pipe\n", 15)


def test_memory(daemon):
    out = as_(daemon, "alice", "memory", "add", "The staging database is on "
              "port 5433.", "--tag", "staging", "--tag", "ports")
    id = out.split()[1]
    out = as_(daemon, "bob", "memory", "search", "staging", "database")
    assert id in out and "\n    The staging database is on" in out
    assert "alice" in out and "staging, ports" in out
    match, = json_of(daemon, "bob", "memory", "search", "staging")["matches"]
    assert match["id"] == id and match["tags"] == ["staging", "ports"]
    other = json_of(daemon, "bob", "memory", "add", "newer")["id"]
    assert other in as_(daemon, "bob", "memory", "search")
    assert id in daemon.ms("memory", "delete", id)
    assert "nothing" in as_(daemon, "bob", "memory", "search", "staging")
    r = daemon.command("memory", "add", "", "--as", "alice")
    assert r.returncode == 1 and "empty" in r.stderr


def test_skills(daemon):
    text, manifest = daemon.root / "skill.md", daemon.root / "m.json"
    text.write_text("one\n  two\n")
    manifest.write_text('{"files":[]}')
    assert "no skills" in daemon.ms("skill", "list")
    out = as_(daemon, "alice", "skill", "share", "de/ploy", str(text),
              "--description", "how to deploy", "--tag", "ops",
              "--manifest", str(manifest))
    assert "de/ploy" in out
    line = row(as_(daemon, "bob", "skill", "list", "deploy"), "de/ploy")
    assert "alice" in line and "how to deploy" in line
    out = as_(daemon, "bob", "skill", "show", "de/ploy")
    assert "\n    one\n      two\n" in out and "ops" in out
    skill = json_of(daemon, "bob", "skill", "show", "de/ploy")["skill"]
    assert skill["instructions"] == "one\n  two\n"
    assert skill["manifest"] == {"files": []}
    as_(daemon, "alice", "skill", "share", "de/ploy", stdin="from a pipe")
    skill = json_of(daemon, "bob", "skill", "show", "de/ploy")["skill"]
    assert skill["instructions"] == "from a pipe"
    as_(daemon, "alice", "skill", "remove", "de/ploy")
    for verb in "show", "remove":
        refused(daemon.command("skill", verb, "de/ploy", "--as", "alice"),
                "meshsup skill list")
    manifest.write_text("{")
    r = daemon.command("skill", "share", "x", str(text), "--manifest",
                       str(manifest), "--as", "alice")
    assert r.returncode == 1 and "JSON" in r.stderr
    r = daemon.command("skill", "share", "x", "/nonexistent", "--as", "alice")
    assert r.returncode == 1 and "/nonexistent" in r.stderr


def test_topics(daemon):
    out = as_(daemon, "alice", "topic", "create", "news", "--description",
              "what is new")
    assert "made" in out
    again = json_of(daemon, "bob", "topic", "create", "#news")
    assert again["created"] is False
    line = row(daemon.ms("topic", "list"), "news")
    assert "what is new" in line and again["topic"]["id"] in line
    assert "news" in as_(daemon, "bob", "topic", "join", "#news")
    members = json_of(daemon, "alice", "topic", "members", "news")["members"]
    assert members and all(m["displayName"] in as_(
        daemon, "alice", "topic", "members", "news") for m in members)
    run = daemon.keeper.spawn(daemon.argv("events", "--as", "bob"),
                              daemon.env)
    # A stream begins with what comes once it is open: say it until it is.
    wait_for(lambda: as_(daemon, "alice", "send", "#news", "grüezi") and
             "alice on local #news [unverified]: grüezi" in run.out, 20)
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(10) == 0
    as_(daemon, "alice", "send", "#news", "the last word")
    item, = arrived(daemon, "bob", "the last word")
    assert item["topic"] == "news"
    out = as_(daemon, "bob", "inbox", "--topic", "news", "--no-mark")
    assert "#news" in out and "the last word" in out
    as_(daemon, "alice", "send", "bob", "aside")
    arrived(daemon, "bob", "aside")
    for topic in "news", "#news":
        rows = json_of(daemon, "bob", "inbox", "--topic", topic, "--no-mark")
        assert {i["topic"] for i in rows["items"]} == {"news"}

    def history(*args):
        return json_of(daemon, "bob", "topic", "history", "news",
                       *args)["messages"]
    newest, second = history("--limit", "2")
    assert newest["body"] == "the last word" and second["body"] == "grüezi"
    assert history("--limit", "1", "--before", newest["id"]) == [second]
    out = as_(daemon, "bob", "topic", "history", "news", "--limit", "1")
    assert "\n    the last word\n" in out and newest["id"] in out
    assert "alice" in out and "[unverified]" in out
    assert "read" in as_(daemon, "bob", "topic", "read", "news")
    assert "left" in as_(daemon, "bob", "topic", "leave", "news")


def test_unknown_topics_say_where_topics_are(daemon):
    for args in (("topic", "join", "none"), ("topic", "leave", "none"),
                 ("topic", "members", "none"), ("topic", "history", "none"),
                 ("send", "#none", "x")):
        r = refused(daemon.command(*args, "--as", "alice"),
                    "topic_not_found")
        assert "meshsup topic list" in r.stderr


def test_groups(daemon):
    register(daemon, "carol")
    out = as_(daemon, "carol", "group", "join", "@night/shift", "--role",
              "lead")
    assert "@night/shift" in out
    wait_for(lambda: peer(daemon, "carol")["groups"] == [
        {"name": "night/shift", "role": "lead"}], 15)
    assert "@night/shift:lead" in row(as_(daemon, "alice", "peers"), "carol")
    as_(daemon, "alice", "send", "@night/shift", "who is awake?")
    arrived(daemon, "carol", "who is awake?")
    answer = json_of(daemon, "carol", "group", "leave", "night/shift")
    assert answer == {"ok": True, "group": "night/shift", "mesh": "local"}
    wait_for(lambda: peer(daemon, "carol")["groups"] == [], 15)
    refused(daemon.command("group", "join", "a b", "--as", "carol"),
            "invalid_groups")


def test_profile(daemon):
    register(daemon, "dave")
    out = as_(daemon, "dave", "profile", "set", "--summary", "fixing tests",
              "--title", "tester", "--bio", "b", "--capability", "c",
              "--capability", "d", "--stats", '{"turns":3}', "--visible",
              "no")
    assert "summary" in out and "capabilities" in out and "local" in out
    assert json_of(daemon, "dave", "profile", "status", "dnd")[
        "applied"] == ["status"]

    def shown():
        p = peer(daemon, "dave")
        return p and p["summary"] == "fixing tests" and p["visible"] is False \
            and p["profile"]["title"] == "tester" and \
            p["profile"]["capabilities"] == ["c", "d"] and \
            p["stats"] == {"turns": 3} and p["status"] == "dnd"
    wait_for(shown, 15)
    assert "fixing tests" in row(as_(daemon, "alice", "peers"), "dave")
    as_(daemon, "dave", "profile", "set", "--capability", "", "--visible",
        "yes")
    wait_for(lambda: (p := peer(daemon, "dave"))["visible"] and
             p["profile"]["capabilities"] == [], 15)
    for args in ((), ("--visible", "perhaps"), ("--stats", "[1]")):
        assert daemon.command("profile", "set", *args, "--as",
                              "dave").returncode == 2
    refused(daemon.command("profile", "status", "busy", "--as", "dave"),
            "working")


def test_mesh_info(daemon):
    out = as_(daemon, "alice", "mesh", "info")
    assert row(out, "yourName").split() == ["yourName", "alice"]
    info = data(daemon, "mesh", "info", "local")
    assert info["mesh"] == "local" and info["info"]["peers"] >= 3


def test_schedule(daemon):
    out = as_(daemon, "alice", "schedule", "add", "bob", "now, please",
              "--at", "2026-01-01T00:00:00Z")
    assert daemon.bob in out
    item, = arrived(daemon, "bob", "now, please")
    assert item["subtype"] == "reminder"
    later = json_of(daemon, "alice", "schedule", "add", "bob", "in an hour",
                    "--at", "+1h")
    daily = json_of(daemon, "alice", "schedule", "add", "*", "good morning",
                    "--cron", "0 9 * * *")
    ids = {later["scheduledId"], daily["scheduledId"]}
    mine = json_of(daemon, "alice", "schedule", "list")["scheduled"]
    assert ids <= {m["id"] for m in mine}
    out = as_(daemon, "alice", "schedule", "list")
    assert "in an hour" in out and "0 9 * * *" in out and \
        daemon.bob[:16] in out
    for id in ids:
        assert id in as_(daemon, "alice", "schedule", "cancel", id)
        refused(daemon.command("schedule", "cancel", id, "--as", "alice"),
                "not_found")
    mine = json_of(daemon, "alice", "schedule", "list")["scheduled"]
    assert not ids & {m["id"] for m in mine}
    for args in ((), ("--at", "tomorrow"), ("--at", "+1h", "--cron",
                                            "0 9 * * *")):
        r = daemon.command("schedule", "add", "bob", "x", *args, "--as",
                           "alice")
        assert r.returncode == 2 and "--at" in r.stderr
    refused(daemon.command("schedule", "add", "*", "x", "--cron",
                           "99 * * * *", "--as", "alice"), "invalid_cron")


def state_of(daemon, name):
    rows = data(daemon, "session", "list")["sessions"]
    return next(s["state"] for s in rows if s["displayName"] == name)


def test_kick_and_disconnect(daemon):
    for name in "eve", "mallory", "trent":
        register(daemon, name)
    out = as_(daemon, "alice", "peers", "disconnect", "trent")
    assert out == "disconnected: trent\n"
    assert as_(daemon, "alice", "peers", "kick", "eve") == "kicked: eve\n"
    wait_for(lambda: state_of(daemon, "eve") == "parked", 15)
    answer = json_of(daemon, "alice", "peers", "kick", "mallory")
    assert answer["affected"] == ["mallory"] and answer["mesh"] == "local"
    for verb in "kick", "disconnect":
        r = daemon.command("peers", verb, "nobody", "--as", "alice")
        assert r.returncode == 1 and "meshsup peers" in r.stderr
        for args in ((), ("eve", "--all"), ("--stale=soon",)):
            assert daemon.command("peers", verb, *args, "--as",
                                  "alice").returncode == 2
    # Nobody who is here was silent for so long.
    assert "bob" not in as_(daemon, "alice", "peers", "kick", "--stale=366d")
    assert peer(daemon, "bob")


def test_bans_of_nobody(daemon):
    assert "nobody" in as_(daemon, "alice", "peers", "bans")
    assert json_of(daemon, "alice", "peers", "bans") == {"bans": []}
    for verb in "ban", "unban":
        refused(daemon.command("peers", verb, "nobody", "--as", "alice"),
                "not_found")


@pytest.mark.parametrize("needs, verb", [
    ("state-read", ("state", "list")),
    ("state-read", ("state", "get", "k")),
    ("state-write", ("state", "set", "k", "1")),
    ("state-read", ("memory", "search", "k")),
    ("state-write", ("memory", "add", "text")),
    ("state-write", ("memory", "delete", "id")),
    ("service-deploy", ("skill", "share", "s", "/etc/hostname")),
    ("service-deploy", ("skill", "remove", "s")),
    ("profile-write", ("profile", "set", "--title", "t")),
    ("profile-write", ("profile", "status", "idle")),
    ("profile-write", ("group", "join", "g")),
    ("profile-write", ("group", "leave", "g")),
    ("kick", ("peers", "kick", "alice")),
    ("kick", ("peers", "disconnect", "alice")),
    ("ban", ("peers", "ban", "alice")),
    ("ban", ("peers", "unban", "alice")),
    ("ban", ("peers", "bans")),
    ("broadcast", ("schedule", "add", "*", "m", "--at", "+1h")),
])
def test_refused_without_the_capability(daemon, needs, verb):
    r = refused(daemon.command(*verb, "--as", "few"), "missing_capability")
    assert f"'{needs}'" in r.stderr and "--caps" in r.stderr
    assert r.stdout == ""
    r = daemon.command(*verb, "--as", "few", "--json")
    assert r.returncode == 1
    assert json.loads(r.stdout)["error"] == "missing_capability"


# ---- brokers that are not ours ----

EVIL = "\x1b[2J\x1b]0;owned\x07\u202e\x9b1m\nmeshsup: fake\r"


def evil_answers(b):
    """Every text of every answer would like to drive a terminal."""
    said = base64.b64encode(EVIL.encode()).decode()
    pair = {"updatedBy": EVIL, "updatedAt": EVIL}
    skill = {"description": EVIL, "tags": [EVIL], "author": EVIL,
             "createdAt": EVIL}
    topic = {"id": EVIL, "name": EVIL, "description": EVIL,
             "visibility": EVIL, "memberCount": 1, "createdAt": EVIL}
    frames = {
        "get_state": lambda f: {"type": "state_result", "key": f["key"],
                                "value": EVIL, **pair},
        "list_state": lambda f: {"type": "state_list", "entries": [
            {"key": EVIL, "value": {EVIL: EVIL}, **pair}]},
        "remember": lambda f: {"type": "memory_stored", "id": EVIL},
        "recall": lambda f: {"type": "memory_results", "memories": [
            {"id": EVIL, "content": EVIL, "tags": [EVIL],
             "rememberedBy": EVIL, "rememberedAt": EVIL}]},
        "list_skills": lambda f: {"type": "skill_list", "skills": [
            {"name": EVIL, **skill}]},
        "get_skill": lambda f: {"type": "skill_data", "skill": {
            "name": f["name"], "instructions": EVIL, "manifest": {EVIL: EVIL},
            EVIL: EVIL, **skill}},
        "topic_list": lambda f: {"type": "topic_list_response",
                                 "topics": [topic]},
        "topic_members": lambda f: {
            "type": "topic_members_response", "topic": f["topic"],
            "members": [{"memberId": EVIL, "pubkey": EVIL, "role": EVIL,
                         "displayName": EVIL, "joinedAt": EVIL,
                         "lastReadAt": EVIL}]},
        "topic_history": lambda f: {
            "type": "topic_history_response", "topic": f["topic"],
            "messages": [{"id": EVIL, "senderPubkey": EVIL,
                          "senderName": EVIL, "nonce": EVIL,
                          "ciphertext": said, "replyToId": EVIL,
                          "createdAt": EVIL}]},
        "schedule": lambda f: {"type": "scheduled_ack", "scheduledId": EVIL,
                               "deliverAt": f["deliverAt"], "cron": EVIL},
        "list_scheduled": lambda f: {"type": "scheduled_list", "messages": [
            {"id": EVIL, "to": EVIL, "message": EVIL, "deliverAt": EVIL,
             "createdAt": EVIL, "cron": EVIL}]},
        "mesh_info": lambda f: {"type": "mesh_info_result", "mesh": EVIL,
                                "groups": [EVIL], "yourGroups": [
                                    {"name": EVIL, "role": EVIL}],
                                EVIL: EVIL},
        "kick": lambda f: {"type": "kick_ack", "affected": [EVIL],
                           "kicked": [EVIL], "skipped_control_plane": [EVIL]},
        "ban": lambda f: {"type": "ban_ack", "banned": EVIL},
        "unban": lambda f: {"type": "unban_ack", "unbanned": EVIL},
        "list_bans": lambda f: {"type": "list_bans_result", "bans": [
            {"name": EVIL, "pubkey": EVIL, "revokedAt": EVIL}]},
        "forget": lambda f: {"type": "error", "code": EVIL, "message": EVIL},
    }
    for kind, make_frame in frames.items():
        b.answers[kind] = lambda conn, f, make_frame=make_frame: make_frame(f)


VERBS = [
    ("state", "get", "k"), ("state", "list"), ("memory", "add", "text"),
    ("memory", "search", "x"), ("skill", "list"), ("skill", "show", "s"),
    ("topic", "list"), ("topic", "members", "t"), ("topic", "history", "t"),
    ("schedule", "add", "*", "m", "--cron", "0 9 * * *"),
    ("schedule", "list"), ("mesh", "info"), ("peers", "kick", "x"),
    ("peers", "ban", "x"), ("peers", "unban", "x"), ("peers", "bans"),
]


def test_what_strangers_wrote_is_data(make):
    m = Member("mesh-" + minted_id(), "member-" + minted_id(), slug="east")
    b = make.scripted([m])
    evil_answers(b)
    d = make.daemon(meshes=[m.mesh_file(b.url)])
    wait_for(lambda: d.command("mesh", "info").returncode == 0, 15)
    for verb in VERBS:
        r = d.command(*verb)
        assert r.returncode == 0, (verb, r)
        check_harmless(verb, r)
        assert "\u241b" in r.stdout, (verb, r)
        assert json.loads(d.ms(*verb, "--json")), verb
    r = d.command("memory", "delete", "x")
    assert r.returncode == 1
    check_harmless("refused", r)


def check_harmless(verb, r):
    out = r.stdout + r.stderr
    for c in "\x1b\x07\x9b\u202e\r":
        assert c not in out, (verb, r)
    if verb != ("state", "get", "k"):       # prints a value, whole lines
        assert "\nmeshsup: fake" not in out, (verb, r)


def test_several_meshes(make):
    """Lists are of all; what is about one needs its name; a mesh that is away
    is named."""
    members = [Member("mesh-" + minted_id(), "member-" + minted_id(),
                      slug=slug) for slug in ("east", "west")]
    brokers = {m.slug: make.scripted([m]) for m in members}
    for slug, b in brokers.items():
        b.answers["list_state"] = lambda conn, f, slug=slug: {
            "type": "state_list", "entries": [{"key": f"k{slug}",
                                               "value": 1}]}
        b.answers["list_bans"] = lambda conn, f, slug=slug: {
            "type": "list_bans_result", "bans": [
                {"name": f"b{slug}", "pubkey": Key().pub,
                 "revokedAt": "2026-11-23T22:05:09Z"}]}
        b.answers["ban"] = lambda conn, f: {
            "type": "ban_ack", "banned": f["target"]}
    d = make.daemon(meshes=[m.mesh_file(brokers[m.slug].url)
                            for m in members])

    def keys(*args):
        r = d.command("state", "list", *args)
        return r.returncode == 0 and not r.stderr and \
            [x.split()[:2] for x in r.stdout.splitlines()[1:]]
    both = [["keast", "east"], ["kwest", "west"]]
    wait_for(lambda: sorted(keys() or []) == both, 15)
    assert keys("--mesh", "west") == both[1:]
    assert row(d.ms("peers", "bans", "--mesh", "east"), "beast")
    r = refused(d.command("peers", "ban", "x"), "mesh_required")
    assert "attached: " in r.stderr and "--mesh" in r.stderr
    assert d.ms("peers", "ban", "x", "--mesh", "west") == \
        "banned x on west\n"
    brokers["west"].crash()

    def west_is_away():
        r = d.command("state", "list")
        return r.returncode == 0 and "west" in r.stderr and \
            "keast" in r.stdout and "kwest" not in r.stdout
    wait_for(west_is_away, 15)
