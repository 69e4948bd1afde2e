"""Promise: who follows the events of a session, comes back with the id of the
last message and goes on, has every message once and in order, whatever was
killed meanwhile: gate, store, a worker, the member's, the supervisor with all
the rest (delivery.md section 7; section 8; fault 10 of section 9).
"""

import json
import os
import signal
import threading

import pytest

from harness import wait_for
from harness.api import Gone
from test_kill import Traffic

COUNT = 240
IN_TURN = ["gate", "store", "sender", "recipient", "member", "supervisor"]


class Follower(threading.Thread):
    """As a client of the API: opens the stream again whenever it ends."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.got, self.last, self.opened = [], None, 0
        self.fault = None
        self.done = threading.Event()
        self.stream = session.events()
        assert self.stream.status == 200
        self.start()

    def run(self):
        try:
            while self.stream is not None:
                self.follow(self.stream)
                self.stream = self.again()
        except Exception as e:      # noqa: the test reports it
            self.fault = e

    def follow(self, stream):
        self.opened += 1
        while not (stream.ended or self.done.wait(0.02)):
            pass
        stream.close()
        self.got += stream.messages()
        if self.got:
            self.last = self.got[-1].id

    def again(self):
        while not self.done.wait(0.02):
            try:
                stream = self.session.events(last_id=self.last)
            except (*Gone, AssertionError):     # it ended as it began
                continue
            if stream.status == 200:
                return stream
            # Whose token it is, is never in doubt.
            assert stream.status in (429, 503, 504), stream.body
        return None

    def count(self):
        stream = self.stream
        return len(self.got) + (len(stream.messages()) if stream else 0)

    def finish(self):
        self.done.set()
        self.join(30)
        assert self.fault is None, self.fault
        return self.got


def kill(daemon, who, alice, bob):
    if who == "supervisor":
        os.kill(daemon.status()["pid"], signal.SIGKILL)
        daemon.start()      # while the old one's children end
        return
    role, session = {"sender": ("worker", alice),
                     "recipient": ("worker", bob)}.get(who, (who, None))
    old = daemon.kill(role, session)
    daemon.wait_restarted(role, old, session)


@pytest.mark.parametrize("turns", [IN_TURN, ["supervisor"] * 3],
                         ids=["all", "supervisor"])
def test_killed_in_turn(make, turns):
    """And all the while a session is heard, or asked to try again: no start
    tells it that it has no mesh, or no token."""
    daemon = make.daemon()
    alice, bob = daemon.register("alice"), daemon.register("bob")
    token = daemon.root / "token"
    token.write_text(bob.token + "\n")
    follower = Follower(bob)
    # The command, from before the first message on.
    run = daemon.keeper.spawn(daemon.argv(
        "events", "--token-file", str(token), "--json", "--since",
        epoch(daemon) + "-0"), daemon.env)
    traffic = Traffic(alice, bob, COUNT)
    for n, who in enumerate(turns):
        traffic.wait((n + 1) * COUNT // (len(turns) + 1))
        kill(daemon, who, alice, bob)
    traffic.finish()

    def printed():
        """Whole lines; one may be on its way."""
        lines = [json.loads(x) for x in run.out.split("\n")[:-1]]
        return [x for x in lines if x["event"] == "message"]
    wait_for(lambda: len(printed()) >= COUNT, 60)
    wait_for(lambda: follower.count() >= COUNT, 60)
    traffic.check()
    got = follower.finish()
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(20) == 0
    assert [e.data["client_message_id"] for e in got] == traffic.ids
    assert [x["data"]["client_message_id"] for x in printed()] == traffic.ids
    # What makes them comparable: one id for one message, everywhere.
    assert [x["id"] for x in printed()] == [e.id for e in got]
    assert len({e.id for e in got}) == COUNT
    assert follower.opened >= 3         # that many breaks, or more


def epoch(daemon):
    return daemon.query("SELECT epoch FROM meta")[0]["epoch"]
