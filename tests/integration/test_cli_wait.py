"""Promise: `meshsup send --wait` tells honestly what became of a message,
with exit codes that a script can rely on, and a name that is not one peer's is
never guessed (local-api.md; delivery.md, sections 3 and 4).

Against an API of the test's own, so that every answer can be arranged.
"""

import json

import pytest

from harness.fakegate import FakeGate

KEY = "ab" * 32
NOT_YET = 5


class Gate(FakeGate):
    """Takes every send; `states` are answered one by one, the last again."""

    def __init__(self):
        super().__init__(self.say)
        self.states = []

    def say(self, asked):
        if asked.method == "POST":
            return 202, {"client_message_id": asked.json["client_message_id"],
                         "status": "queued", "id": "row", "to": KEY}
        state = self.states[0]
        if len(self.states) > 1:
            self.states.pop(0)
        return state if state is None or isinstance(state, tuple) else (
            200, state)

    @property
    def questions(self):
        return [a for a in self.asked if a.method == "GET"]


@pytest.fixture
def gate():
    g = Gate()
    yield g
    g.close()


def state(status, delivered=None, **more):
    return {"client_message_id": "m 1", "status": status, "attempts": 0, "broker_message_id": None,
            "last_error": None, "next_attempt_at": None,
            "delivered": delivered, **more}


def send(gate, *args):
    return gate.command("send", "--id", "m 1", "bob", "hello", *args)


def test_the_key_chosen_is_shown(gate):
    r = send(gate)
    assert r.returncode == 0 and r.stdout == f"queued m 1 to {KEY}\n"
    assert gate.asked[0].json["to"] == "bob" and not gate.questions


@pytest.mark.parametrize("option,until", [
    ("--wait", "sent"), ("--wait=sent", "sent"),
    ("--wait=delivered", "delivered")])
def test_reached(gate, option, until):
    gate.states = [state("inflight"), state("done", False),
                   state("done", True, broker_message_id="b")]
    r = send(gate, option, "--timeout", "10")
    assert r.returncode == 0, r
    last = r.stdout.splitlines()[-1]
    ask = gate.questions[0]
    assert ask.raw_path == "/v1/send/m%201"
    assert ask.query == {"wait": until, "timeout": "10"}
    if until == "delivered":
        assert last == "delivered m 1" and len(gate.questions) == 3
    else:
        assert last == "sent m 1" and len(gate.questions) == 2


def test_the_same_mesh_is_asked(gate):
    gate.states = [state("done")]
    assert send(gate, "--wait", "--mesh", "m/x").returncode == 0
    assert gate.questions[0].query["mesh"] == "m/x"


def test_not_yet(gate):
    gate.states = [state("pending", attempts=2, next_attempt_at=
                         "2026-11-23T22:43:14.004Z",
                         last_error="recipient not \x1b connected")]
    r = send(gate, "--wait", "--timeout", "1")
    assert r.returncode == NOT_YET
    assert r.stdout.splitlines()[-1] == (
        "pending m 1, not yet sent, 2 attempts: recipient not ␛ connected; "
        "next attempt at 2026-11-23 22:43:14")
    assert len(gate.questions) < 20


def test_timeout_0_asks_once(gate):
    gate.states = [state("inflight")]
    r = send(gate, "--wait", "--timeout", "0")
    assert r.returncode == NOT_YET and len(gate.questions) == 1
    assert gate.questions[0].query["timeout"] == "0"
    assert r.stdout.splitlines()[-1] == "inflight m 1, not yet sent"


@pytest.mark.parametrize("delivered,words", [
    (False, "not yet delivered"), (None, "not known")])
def test_sent_is_not_delivered(gate, delivered, words):
    gate.states = [state("done", delivered)]
    r = send(gate, "--wait=delivered", "--timeout", "0")
    assert r.returncode == NOT_YET
    last = r.stdout.splitlines()[-1]
    assert last.startswith("sent m 1") and words in last


@pytest.mark.parametrize("status,last", [
    ("dead", "dead m 1: forbidden"),
    ("aborted", "aborted m 1")])    # its last error is not the reason
def test_it_never_will(gate, status, last):
    gate.states = [state("pending"), state(status, last_error="forbidden")]
    r = send(gate, "--wait", "--timeout", "20")
    assert r.returncode == 1
    assert r.stdout.splitlines()[-1] == last


def test_json_is_one_object(gate):
    gate.states = [state("done", True, broker_message_id="b")]
    r = send(gate, "--wait=delivered", "--json")
    assert r.returncode == 0
    assert json.loads(r.stdout) == {
        **state("done", True, broker_message_id="b"), "to": KEY, "id": "row"}


def test_a_restart_is_no_end_of_the_wait(gate):
    gate.states = [None, (503, {"error": "unavailable"}), state("done")]
    r = send(gate, "--wait", "--timeout", "20")
    assert r.returncode == 0 and not r.stderr, r
    assert len(gate.questions) == 3


def test_a_daemon_that_stays_away_is_not_yet(gate):
    """It was accepted, so this is no failure of the message."""
    gate.states = [(503, {"error": "unavailable"})]
    r = send(gate, "--wait", "--timeout", "1", "--json")
    assert r.returncode == NOT_YET and "unavailable" in r.stderr
    assert json.loads(r.stdout)["status"] == "queued"
    gate.states = [(401, {"error": "unknown_token"})]
    r = send(gate, "--wait", "--timeout", "20")
    assert r.returncode == 1 and "unknown_token" in r.stderr
    assert r.stdout == f"queued m 1 to {KEY}\n"


@pytest.mark.parametrize("args", [
    ["--wait=soon"], ["--timeout", "5"], ["--wait", "--timeout", "x"],
    ["--wait", "--timeout", "-1"]])
def test_usage(gate, args):
    r = send(gate, *args)
    assert r.returncode == 2 and not gate.asked, r


def test_several_are_a_table(gate):
    both = [{"displayName": "bob\x1b[1m", "pubkey": "12" * 32,
             "status": "idle", "cwd": "/one", "peerRole": "session"},
            {"displayName": "bob", "pubkey": "34" * 32, "status": "working",
             "cwd": "/two", "peerRole": "session"}]
    gate.answer = lambda asked: (409, {
        "error": "ambiguous_target", "detail": "Several are called so.",
        "candidates": both})
    r = send(gate)
    assert r.returncode == 1 and not r.stdout
    lines = r.stderr.splitlines()
    assert "ambiguous_target" in lines[0] and len(lines) == 4
    assert "12" * 32 in lines[2] and "/one" in lines[2]
    assert "34" * 32 in lines[3] and "/two" in lines[3]
    assert "\x1b" not in r.stderr
    r = send(gate, "--json")
    assert json.loads(r.stdout)["candidates"] == both


def test_nobody_of_that_name(gate):
    gate.answer = lambda asked: (404, {
        "error": "peer_not_found", "detail": "Look at `meshsup peers`."})
    r = send(gate)
    assert r.returncode == 1 and len(gate.asked) == 1
    assert "peer_not_found" in r.stderr and "meshsup peers" in r.stderr


def test_no_roster(gate):
    gate.answer = lambda asked: (
        503, {"error": "roster_unavailable", "detail": "Name the whole key."},
        {"Retry-After": "1"})
    r = send(gate)
    assert r.returncode == 1 and "whole key" in r.stderr
    ids = {a.json["client_message_id"] for a in gate.asked}
    assert len(gate.asked) > 1 and ids == {"m 1"}


def test_help(gate):
    assert "--wait[=sent|delivered]" in gate.command("send", "--help").stdout
