"""Promise: the operator's scope is everything, and is only to be had on
admin.sock, which nobody else can open (local-api.md, "Who is asking", rules 2
and 4; `meshsup --admin`, GET /metrics).
"""

import os
import re
import stat

import pytest

from harness import Events, Key, wait_for
from harness.asserts import is_error
from harness.shell import arrived, data, register


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    for name in "alice", "bob":
        register(d, name)
    return d


@pytest.fixture(scope="module")
def mail(daemon):
    """A message of each kind: to a session, to nobody that is there."""
    daemon.ms("send", "--as", "alice", "bob", "for bob only", "--wait")
    item = arrived(daemon, "bob", "for bob only")[0]
    away = data(daemon, "send", "--as", "alice", Key().pub, "waits")
    return item, away


def admin(daemon, *args):
    return data(daemon, *args, "--admin")


def test_the_socket_is_private(daemon):
    assert stat.S_IMODE(os.stat(daemon.admin_socket).st_mode) == 0o600


def test_every_listing(daemon, mail):
    item, away = mail
    assert {"alice", "bob"} <= {
        s["displayName"] for s in admin(daemon, "session", "list")["sessions"]}
    rows = admin(daemon, "inbox")["items"]
    assert item["id"] in [i["id"] for i in rows]
    rows = admin(daemon, "outbox", "list")["items"]
    assert away["id"] in [r["id"] for r in rows]
    row = admin(daemon, "outbox", "show", away["id"])
    assert row["id"] == away["id"] and "body" not in row
    assert {daemon.alice, daemon.bob} <= {
        p["pubkey"] for p in admin(daemon, "peers")["peers"]}
    assert [m["slug"] for m in admin(daemon, "status")["meshes"]] == ["local"]
    # It may stand before the verb, and tables are for people.
    assert "bob" in daemon.ms("--admin", "session", "list")
    # Without it, nothing of another session's.
    mine = data(daemon, "inbox", "--no-mark")["items"]
    assert item["id"] not in [i["id"] for i in mine]


def test_nothing_is_marked(daemon, mail):
    admin(daemon, "inbox")
    item = arrived(daemon, "bob", "for bob only")[0]
    assert item["seen_at"] is None


def test_operators_may_operate(daemon, mail):
    _, away = mail

    def hold():
        return admin(daemon, "outbox", "hold", away["id"])["changed"] == 1
    wait_for(hold, 15)
    row = data(daemon, "outbox", "show", away["id"], "--as", "alice")
    assert row["held"] is True


def test_what_does_not_go_with_it(daemon):
    for args in (("inbox", "--as", "bob"), ("inbox", "--socket", "/x"),
                 ("send", "bob", "x"), ("inbox", "flush", "--all"),
                 ("start",)):
        r = daemon.command(*args, "--admin")
        assert r.returncode == 2, r


def test_the_environment_names_no_session(daemon, mail):
    """A token there is not what the operator speaks for."""
    (daemon.root / "token").write_text("0" * 64 + "\n")
    r = daemon.command("inbox", "--admin", "--json", env={
        "MESHSUP_TOKEN_FILE": str(daemon.root / "token")})
    assert r.returncode == 0 and mail[0]["id"] in r.stdout


def test_events_of_all(daemon):
    with Events(daemon.api(admin=True)) as events:
        daemon.ms("send", "--as", "bob", "alice", "seen by the operator")
        e = events.wait(
            where=lambda e: e.data["body"] == "seen by the operator")
        assert e.data["recipient_pubkey"] == daemon.alice


# --- figures ---

SAMPLE = re.compile(r'meshsup_(\w+)(?:\{(.*)\})? (-?\d+)$')


def figures(r):
    """Every line is a comment, or a sample that comes once."""
    assert r.status == 200, r
    assert r.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found, typed = {}, set()
    for line in r.raw.decode().splitlines():
        if line.startswith("#"):
            kind, name = line.split()[1:3]
            assert kind in ("HELP", "TYPE"), line
            typed.add(name)
            continue
        m = SAMPLE.match(line)
        assert m and f"meshsup_{m[1]}" in typed, line
        assert m.group(1, 2) not in found, line
        found[m.group(1, 2)] = int(m[3])
    return found


def metrics(daemon):
    """With the rows, which are left out when counting takes too long."""
    return wait_for(lambda: (lambda f: (
        "inbox_rows", 'state="message"') in f and f)(
            figures(daemon.api(admin=True).get("/metrics"))), 15)


def test_metrics(daemon, mail):
    f = metrics(daemon)
    for role in "supervisor", "store", "gate", "resolver", "broker", "member":
        assert f["processes", f'role="{role}"'] == 1
        assert f["process_resident_bytes", f'role="{role}"'] > 0
    assert f["processes", 'role="worker"'] >= 2
    assert f["sessions", 'state="open"'] >= 1
    assert f["broker_members", 'mesh="local",state="open"'] <= 1
    assert f["outbox_rows", 'state="done"'] >= 1
    assert f["inbox_rows", 'state="message"'] >= 1
    assert f["inbox_rows", 'state="quarantine"'] == 0
    assert f["uptime_seconds", None] >= 0


def test_counters_count(daemon):
    before = metrics(daemon)
    daemon.ms("send", "--as", "alice", "bob", "to be counted", "--wait")
    daemon.command("send", "--as", "alice", "nobody-of-that-name", "x")
    after = metrics(daemon)

    def rise(*key):
        return after[key] - before[key]
    assert rise("accepts_total", 'result="new"') >= 1
    assert rise("answers_total", 'class="4xx"') >= 1
    assert rise("answers_total", 'class="2xx"') >= 2
    wait_for(lambda: metrics(daemon)["ended_total", 'state="done"'] >
             before["ended_total", 'state="done"'], 10)


def test_rows_are_counted(daemon, mail):
    """As they are in the file, once nothing is under way."""
    names = ["pending", "inflight", "done", "dead", "aborted"]

    def agree():
        rows = daemon.query("SELECT state, count(*) AS n FROM outbox "
                            "GROUP BY state")
        want = {names[r["state"]]: r["n"] for r in rows}
        inbox, = daemon.query("SELECT count(*) AS n FROM inbox")
        f = metrics(daemon)
        return f["inbox_rows", 'state="message"'] == inbox["n"] and all(
            f["outbox_rows", f'state="{s}"'] == want.get(s, 0)
            for s in names)
    wait_for(agree, 15)


def test_restarts_are_counted(daemon):
    old = daemon.kill("store")
    daemon.wait_restarted("store", old)
    assert metrics(daemon)["process_restarts", 'role="store"'] == 1


def test_metrics_hold_nobodys_name(daemon, mail):
    text = daemon.api(admin=True).get("/metrics").raw.decode()
    for word in "alice", "bob", daemon.alice, daemon.bob, mail[0]["id"]:
        assert word not in text


def test_metrics_are_the_operators(daemon):
    assert is_error(daemon.api().get("/metrics"), 403) == "operator_required"
    token = data(daemon, "session", "register", "--name", "carol", "--pid",
                 str(os.getpid()))["token_file"]
    with open(token) as f:
        carol = f.read().split()[0]
    for where in daemon.api(carol), daemon.api(carol, admin=True):
        assert is_error(where.get("/metrics"), 403) == "operator_required"
    is_error(daemon.api("0" * 64, admin=True).get("/metrics"), 401)
