"""An installed meshsup of a test's own, to be changed by it."""

import os
import pathlib
import shutil
import tempfile

from harness import prefix


class Tree:
    """A copy of what is installed, used while the test runs."""

    def __init__(self, monkeypatch):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="mt-", dir="/tmp"))
        os.chmod(self.root, 0o755)
        for name in "bin", "libexec":
            shutil.copytree(prefix() / name, self.root / name)
        self.libexec = self.root / "libexec" / "meshsup"
        monkeypatch.setenv("MESHSUP_PREFIX", str(self.root))

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)
