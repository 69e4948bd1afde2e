"""The clock of a meshsup that was built with --enable-test-hooks."""

import struct

import pytest

from harness import SLOW
from harness import checks
from harness.keys import now_ms
from tree import Tree

HOUR = 3600 * 1000


class Clock:
    """Moves the wall clock of every process of a tree of its own."""

    def __init__(self, monkeypatch):
        self.tree = Tree(monkeypatch)
        with open(self.tree.libexec / "store", "rb") as f:
            hooks = b"%s/clock\0" in f.read()
        if not hooks:
            self.close()
            pytest.skip("this meshsup was not built with --enable-test-hooks")
        self.path = self.tree.libexec / "clock"
        self.shift_ms = 0
        self.step(0)

    def step(self, ms):
        """By so much more, or less, than now."""
        self.shift_ms += ms
        with open(self.path, "r+b" if self.path.exists() else "wb") as f:
            f.write(struct.pack("=q", self.shift_ms))

    def now(self):
        return now_ms() + self.shift_ms

    def take_along(self, monkeypatch):
        """The scripted broker has the same clock."""
        monkeypatch.setattr(checks, "now_ms", self.now)

    def close(self):
        self.tree.close()


__all__ = ["Clock", "HOUR", "SLOW"]
