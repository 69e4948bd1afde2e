"""Fixtures: everything that a test starts is ended and checked here."""

import json

import pytest

from harness import BrokerProcess, Daemon, Key, ScriptedBroker, prefix
from harness import daemon as daemon_module
from harness.prefix import NoPrefix
from harness.tls import Authority
from harness.world import World


def pytest_addoption(parser):
    parser.addoption("--harness-only", action="store_true",
                     help="run only what needs no installed meshsup")


def pytest_configure(config):
    for line in ("harness: needs no installed meshsup",
                 "first: before all others", "last: after all others",
                 "xdist_group: on one worker, with pytest-xdist"):
        config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if config.getoption("--harness-only"):
        items[:] = [i for i in items if i.get_closest_marker("harness")]
    items.sort(key=lambda i: bool(i.get_closest_marker("last")) -
               bool(i.get_closest_marker("first")))
    # Side by side (-n N --dist loadgroup), a file's tests stay together.
    for i in items:
        if not i.get_closest_marker("xdist_group"):
            i.add_marker(pytest.mark.xdist_group(i.path.name))
    if any(not i.get_closest_marker("harness") for i in items):
        try:
            prefix()
        except NoPrefix as e:
            pytest.exit(str(e), returncode=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for d in daemon_module.living:
            report.sections.append((f"log of {d.root}", d.tail()))


class Things:
    """Makes daemons and brokers; closes them in reverse, all of them."""

    def __init__(self):
        self.made = []

    def _keep(self, thing):
        self.made.append(thing)
        return thing

    def daemon(self, *args, start=True, **kw):
        d = self._keep(Daemon(*args, **kw))
        return d.start() if start else d

    def broker(self, *options):
        return self._keep(BrokerProcess(*options))

    def scripted(self, *args, start=True, **kw):
        b = self._keep(ScriptedBroker(*args, **kw))
        return b.start() if start else b

    def keep(self, thing):
        return self._keep(thing)

    def close(self):
        faults = []
        while self.made:
            try:
                self.made.pop().close()
            except AssertionError as e:
                faults.append(str(e))
        assert not faults, "\n".join(faults)


@pytest.fixture
def make():
    """Daemons and brokers of one test."""
    things = Things()
    yield things
    things.close()


@pytest.fixture(scope="module")
def make_shared():
    """Daemons and brokers of one file."""
    things = Things()
    yield things
    things.close()


# A daemon for all tests of a file, and who talks on it; files whose tests need
# one each define `daemon` anew.

@pytest.fixture(scope="module")
def daemon(make_shared):
    return make_shared.daemon()


@pytest.fixture(scope="module")
def alice(daemon):
    return daemon.register("alice")


@pytest.fixture(scope="module")
def bob(daemon):
    return daemon.register("bob")


@pytest.fixture(scope="module")
def api(daemon):
    return daemon.api()


@pytest.fixture(scope="module")
def member_key(daemon):
    """The key of our member, from its mesh file."""
    file, = (daemon.state_dir / "meshes.d").glob("*.json")
    secret = json.loads(file.read_text())["secretKey"]
    return Key(bytes.fromhex(secret)[:32])


@pytest.fixture(scope="session")
def make_run():
    """Daemons and brokers that live as long as the run."""
    things = Things()
    yield things
    things.close()


@pytest.fixture
def world(make):
    """A daemon on a scripted broker."""
    return World(make)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))
