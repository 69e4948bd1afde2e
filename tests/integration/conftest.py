"""Fixtures: everything that a test starts is ended and checked here."""

import pytest

from harness import BrokerProcess, Daemon, ScriptedBroker, prefix
from harness import daemon as daemon_module
from harness.prefix import NoPrefix
from harness.tls import Authority


def pytest_addoption(parser):
    parser.addoption("--harness-only", action="store_true",
                     help="run only what needs no installed meshsup")


def pytest_configure(config):
    config.addinivalue_line("markers", "harness: needs no installed meshsup")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--harness-only"):
        items[:] = [i for i in items if i.get_closest_marker("harness")]
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


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))
