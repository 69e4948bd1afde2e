"""Two daemons, each with a member of its own in one mesh, that share one
broker; sessions belong to real processes."""

import sqlite3
import subprocess

from harness import BrokerProcess, Daemon, wait_for

MESH = "storm"


class Owner:
    """A process that owns a session: it lives until it is told to end, or
    until the test has gone."""

    def __init__(self):
        self._process = subprocess.Popen(
            ["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            cwd="/")
        self.pid = self._process.pid

    def end(self):
        self._process.stdin.close()
        self._process.wait()


class MeshDaemon(Daemon):
    """A daemon with a name for people."""

    def __init__(self, name, member, url, config=""):
        super().__init__(config, meshes=[member.mesh_file(url)])
        self.name = name
        self.mesh = MESH
        self.member = member
        self.owners = []
        self._epoch = None

    def __repr__(self):
        return self.name

    def up(self):
        """Start it, and learn which worker is the member's."""
        self.start()
        self.member_worker = wait_for(lambda: self.query(
            "SELECT lower(substr(hex(owner), 1, 8)) AS short FROM owner"
            " WHERE kind = 1"), 10, "no member")[0]["short"]

    def join(self, name):
        """A session with an owner of its own."""
        owner = Owner()
        self.owners.append(owner)
        return self.register(name, mesh=MESH, pid=owner.pid)

    def cursor_zero(self):
        """The id of an event before all events."""
        if self._epoch is None:
            self._epoch = self.query("SELECT epoch FROM meta")[0]["epoch"]
        return f"{self._epoch}-0"

    def close(self):
        try:
            super().close()
        finally:
            for o in self.owners:
                o.end()


class Pair:
    """`left` and `right`, and the broker between them, perhaps behind a
    proxy."""

    def __init__(self, proxy=None, config=""):
        self.broker = BrokerProcess()
        self.proxy = proxy
        self.config = config
        self.daemons = []

    def start(self, prepare=None):
        """prepare(daemon) is called before each is started."""
        members = [self.broker.add_member(MESH, n) for n in ("one", "two")]
        self.broker.start()
        url = self.proxy.start(self.broker) if self.proxy else \
            self.broker.url
        for name, member in zip(("left", "right"), members):
            d = MeshDaemon(name, member, url, self.config)
            self.daemons.append(d)
            if prepare:
                prepare(d)
            d.up()
        self.left, self.right = self.daemons
        return self

    def settled(self):
        """Nothing is under way any more; an AssertionError says what is."""
        left = {d.name: d.query(
            "SELECT state, last_error, count(*) AS n, min(client_message_id)"
            " AS first, min(target) AS target FROM outbox"
            " WHERE ended_at IS NULL GROUP BY state, last_error")
            for d in self.daemons}
        for d in self.daemons:
            left[d.name] += d.query("SELECT state, count(*) AS n FROM inbox"
                                    " WHERE state = 1 GROUP BY state")
        left["broker"] = self.broker_query(
            "SELECT count(*) AS n, min(client_id) AS first FROM message"
            " WHERE delivered_at IS NULL HAVING count(*) > 0")
        assert not any(left.values()), f"not settled: {left}"
        return True

    def broker_query(self, sql, *args):
        db = sqlite3.connect(f"file:{self.broker.db}?mode=ro", uri=True,
                             timeout=5)
        try:
            db.row_factory = sqlite3.Row
            return [dict(r) for r in db.execute(sql, args)]
        finally:
            db.close()

    def close(self):
        """End everything; an AssertionError says what the logs complain
        of."""
        faults = []
        for thing in [*self.daemons, self.broker]:
            try:
                thing.close()
            except AssertionError as e:
                faults.append(f"{thing}: {e}")
        if self.proxy:
            self.proxy.close()
        assert not faults, "\n".join(faults)
