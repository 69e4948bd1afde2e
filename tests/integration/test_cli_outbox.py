"""Promise: the verbs on rows of outbox and inbox ask for exactly what they
were told, show all that the daemon answers, and exit with 1 when anything was
refused (local-api.md; delivery.md, sections 5 and 6).

Against an API of the test's own, so that every answer can be arranged.
"""

import json
import os
import pty

import pytest

from harness.fakegate import FakeGate

ROW = {
    "id": "0192f000-0000-7000-8000-00000000000a",
    "client_message_id": "order-66", "status": "dead", "to": "ab" * 32,
    "mesh": "local", "priority": "next", "attempts": 3,
    "enqueued_at": "2026-11-23T22:43:14.004Z", "next_attempt_at": None,
    "delivered_at": None, "broker_message_id": None,
    "last_error": "blocked by \x1b[31mrecipient", "aborted_at": None,
    "aborted_by": None, "superseded_by": None, "held": True,
    "payload_bytes": 21, "body": "first\n\x1b[2Jsecond ✓"}
ID = ROW["id"]
NOT_FOUND = {"error": "row_not_found", "detail": "No such row."}


@pytest.fixture
def gate():
    g = FakeGate(lambda asked: (404, NOT_FOUND))
    yield g
    g.close()


def always(gate, status, body):
    gate.answer = lambda asked: (status, body)


def fields(out):
    """The lines of `outbox show` before the body."""
    head = out.split("\nbody\n")[0]
    return dict(line.split(None, 1) for line in head.splitlines())


def terminal(gate, *args):
    """What the command writes to a terminal."""
    lead, follow = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.dup2(follow, 1)
        os.execve(gate.argv()[0], gate.argv(*args),
                  {**gate.env, "TERM": "dumb"})
    os.close(follow)
    out = b""
    while True:
        try:
            piece = os.read(lead, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(lead)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return out.decode().replace("\r\n", "\n")


def test_show_has_every_field(gate):
    always(gate, 200, ROW)
    r = gate.command("outbox", "show", ID)
    assert r.returncode == 0, r
    ask, = gate.asked
    assert (ask.method, ask.path) == ("GET", f"/v1/outbox/{ID}")
    shown = fields(r.stdout)
    assert set(shown) == set(ROW) - {"body"}
    assert shown["id"] == ID and shown["attempts"] == "3"
    assert shown["enqueued_at"] == "2026-11-23 22:43:14"
    assert shown["held"] == "yes" and shown["aborted_by"] == "-"
    assert "\x1b" not in r.stdout and "\n    first\n    " in r.stdout
    # aligned: every value begins in the same column
    lines = r.stdout.split("\nbody\n")[0].splitlines()
    assert len({len(x) - len(x.split(None, 1)[1]) for x in lines}) == 1
    j = gate.command("outbox", "show", ID, "--json")
    assert json.loads(j.stdout) == ROW


def test_show_shows_what_is_new(gate):
    """A field that a later daemon adds is shown too."""
    always(gate, 200, {**ROW, "hops": [1, {"a": None}]})
    out = gate.command("outbox", "show", ID).stdout
    assert fields(out)["hops"] == '[1,{"a":null}]'


def test_an_id_is_one_segment_of_the_path(gate):
    always(gate, 200, ROW)
    gate.command("outbox", "show", "a/b?c d")
    assert gate.asked[0].raw_path == "/v1/outbox/a%2Fb%3Fc%20d"
    for verb in ("outbox", "show"), ("outbox", "cat"), ("inbox", "delete"):
        r = gate.command(*verb, "")
        assert r.returncode == 2 and "empty" in r.stderr
    assert len(gate.asked) == 1


def test_cat_is_byte_for_byte(gate):
    always(gate, 200, ROW)
    r = gate.command("outbox", "cat", ID)
    assert r.returncode == 0 and r.stdout == ROW["body"]
    r = gate.command("outbox", "cat", ID, "--json")
    assert json.loads(r.stdout) == {"id": ID, "body": ROW["body"]}


def test_cat_is_safe_on_a_terminal(gate):
    always(gate, 200, ROW)
    out = terminal(gate, "outbox", "cat", ID)
    assert "\x1b" not in out and out == "first\n␛[2Jsecond ✓\n"


@pytest.mark.parametrize("status,word", [("done", "wiped"),
                                         ("pending", "--as")])
def test_cat_of_nothing_says_why(gate, status, word):
    row = {k: v for k, v in ROW.items() if k != "body"}
    always(gate, 200, {**row, "status": status})
    r = gate.command("outbox", "cat", ID)
    assert r.returncode == 1 and word in r.stderr and not r.stdout


@pytest.mark.parametrize("verb", ["show", "cat", "requeue"])
def test_an_unknown_row_says_what_to_do(gate, verb):
    r = gate.command("outbox", verb, "nonsense")
    assert r.returncode == 1 and not r.stdout
    assert "row_not_found" in r.stderr and "outbox list" in r.stderr


def test_list(gate):
    always(gate, 200, {"items": [
        ROW, {**ROW, "to": "*", "held": False, "last_error": None}]})
    out = gate.command("outbox", "list", "--status", "dead").stdout
    assert gate.asked[0].query == {"status": "dead"}
    head, first, second = out.splitlines()
    assert ID in first and "order-66" in first and "dead (held)" in first
    assert "abababababababab" in first and "blocked by" in first
    assert "\x1b" not in out
    assert " * " in second and "(held)" not in second


def test_requeue(gate):
    always(gate, 200, {"aborted_row_id": ID, "new_row_id": "new-row",
                       "new_client_message_id": "new-id", "to": "*"})
    r = gate.command("outbox", "requeue", ID)
    assert r.returncode == 0
    assert r.stdout == (
        f"requeued {ID} as new-row to * (message new-id)\n")
    r = gate.command("outbox", "requeue", ID, "--to", "bob", "--id", "x",
                     "--json")
    assert json.loads(r.stdout)["new_row_id"] == "new-row"
    assert [a.json for a in gate.asked] == [
        {"id": ID}, {"id": ID, "new_client_message_id": "x", "to": "bob"}]
    assert {a.path for a in gate.asked} == {"/v1/outbox/requeue"}


@pytest.mark.parametrize("code,word", [("sender_ended", "egister"),
                                       ("inflight", "moment")])
def test_a_refused_requeue_says_what_to_do(gate, code, word):
    always(gate, 409, {"error": code, "detail": "It cannot be now."})
    r = gate.command("outbox", "requeue", ID)
    assert r.returncode == 1 and code in r.stderr and word in r.stderr
    r = gate.command("outbox", "requeue", ID, "--json")
    assert r.returncode == 1 and json.loads(r.stdout)["error"] == code


@pytest.mark.parametrize("verb,done", [("hold", "held"),
                                       ("release", "released"),
                                       ("abort", "aborted")])
def test_rows_change_and_are_refused(gate, verb, done):
    always(gate, 200, {"changed": 2, "refused": []})
    r = gate.command("outbox", verb, "a", "b")
    assert r.returncode == 0 and r.stdout == f"{done} a\n{done} b\n"
    assert gate.asked[0].path == f"/v1/outbox/{verb}"
    assert gate.asked[0].json == {"ids": ["a", "b"]}
    always(gate, 200, {"changed": 1, "refused": [
        {"id": "b", "reason": "inflight"},
        {"id": "d", "reason": "ended", "status": "dead"},
        {"id": "c", "reason": "a reason \x1b[1mof later"}]})
    r = gate.command("outbox", verb, "a", "b", "c", "d")
    assert r.returncode == 1 and r.stdout == f"{done} a\n"
    assert "d: it has ended: dead" in r.stderr
    assert "b: it is being sent just now" in r.stderr
    assert "c: a reason ␛[1mof later" in r.stderr
    r = gate.command("outbox", verb, "a", "b", "c", "--json")
    assert r.returncode == 1 and len(json.loads(r.stdout)["refused"]) == 3


def test_inbox_delete(gate):
    always(gate, 200, {"removed": 1, "id": ID})
    r = gate.command("inbox", "delete", ID)
    assert r.returncode == 0 and r.stdout == "deleted 1\n"
    ask, = gate.asked
    assert (ask.method, ask.path) == ("DELETE", f"/v1/inbox/{ID}")
    r = gate.command("inbox", "delete", ID, "--json")
    assert json.loads(r.stdout) == {"removed": 1, "id": ID}
    always(gate, 404, NOT_FOUND)
    assert gate.command("inbox", "delete", ID).returncode == 1


@pytest.mark.parametrize("args", [
    [], ["--json"], ["--all", "--mesh", "m"], ["--before", "yesterday"],
    ["--all", "--before", "2026-11-23T22:05:09Z"], ["x", "--all"]])
def test_inbox_flush_refuses_what_is_not_said(gate, args):
    r = gate.command("inbox", "flush", *args)
    assert r.returncode == 2 and not gate.asked, r


@pytest.mark.parametrize("args,query", [
    (["--all"], {}), (["--mesh", "m"], {"mesh": "m"}),
    (["--before", "2026-11-23T22:05:09+01:00", "--mesh", "m"],
     {"before": "2026-11-23T22:05:09+01:00", "mesh": "m"})])
def test_inbox_flush(gate, args, query):
    always(gate, 200, {"removed": 12})
    r = gate.command("inbox", "flush", *args)
    assert r.returncode == 0 and r.stdout == "deleted 12\n"
    ask, = gate.asked
    assert (ask.method, ask.path, ask.query) == ("DELETE", "/v1/inbox", query)


def test_inbox_filters(gate):
    always(gate, 200, {"items": [], "marked_seen": 0})
    r = gate.command("inbox", "--topic", "news", "--from", "bob", "--since",
                     "2026-11-23T22:05:09Z", "--mesh", "m", "--unread",
                     "--limit", "7", "--no-mark")
    assert r.returncode == 0 and r.stdout == "no messages\n"
    assert gate.asked[0].query == {
        "topic": "news", "from": "bob", "since": "2026-11-23T22:05:09Z",
        "mesh": "m", "unread_only": "true", "limit": "7",
        "mark_seen": "false"}


def test_inbox_quarantine(gate):
    item = {"id": ID, "client_message_id": "order-66", "mesh": "local",
            "sender_pubkey": "ab" * 32, "sender_name": "abababab",
            "body": None, "received_at": "2026-11-23T22:43:14.004Z",
            "seen_at": None, "authenticated": False, "topic": None,
            "reply_to_id": None, "priority": "next"}
    always(gate, 200, {"items": [item], "marked_seen": 0})
    r = gate.command("inbox", "--quarantine")
    assert gate.asked[0].query == {"quarantine": "true"}
    assert r.returncode == 0 and ID in r.stdout
    assert "no key of yours opens it" in r.stdout


def test_help_of_a_verb_that_has_verbs(gate):
    out = gate.command("inbox", "--help").stdout
    assert "--quarantine" in out and "inbox flush" in out
    assert "outbox requeue" in gate.command("outbox", "--help").stdout
    assert "--before" in gate.command("inbox", "flush", "--help").stdout
