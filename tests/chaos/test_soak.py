"""Promise: mesh.db does not grow without bound under a steady load
(delivery.md section 5, retention).  `soak` is the same for longer."""

import os

import pytest

from soaking import Soak, verdict

MESSAGES = 10000


def soak(**kw):
    s = Soak(MESSAGES, **kw)
    try:
        return s.run(print)
    finally:
        s.close()


@pytest.fixture(autouse=True)
def prefix_again(monkeypatch):
    """The soak points MESHSUP_PREFIX to its own tree."""
    monkeypatch.setenv("MESHSUP_PREFIX", os.environ["MESHSUP_PREFIX"])


def test_steady_load():
    fault = verdict(soak())
    assert fault is None, fault


def test_it_would_be_seen():
    """With a retention that never passes the file does grow."""
    assert verdict(soak(retention="30d")) is not None
