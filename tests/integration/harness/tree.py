"""An installed meshsup of a test's own, and other builds of it.

What makes a build another one, as far as one program can tell of another, are
its version and the number of its control protocol; both stand in a marked text
of each program, from which the program itself takes them too.  So another build
is made by changing that text in every program, without a compiler.
"""

import os
import pathlib
import shutil
import tempfile

from .prefix import prefix

MARK = b"@(#)meshsup "


class Tree:
    """Used in the place of MESHSUP_PREFIX from its making on."""

    def __init__(self, monkeypatch):
        self.real = prefix()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="mt-", dir="/tmp"))
        os.chmod(self.root, 0o755)
        for name in "bin", "libexec":
            shutil.copytree(self.real / name, self.root / name)
        self.libexec = self.root / "libexec" / "meshsup"
        monkeypatch.setenv("MESHSUP_PREFIX", str(self.root))
        self.version, self.proto = self.of("supervisor")

    def of(self, program):
        """The version and the protocol of a program, by its mark."""
        raw = (self.libexec / program).read_bytes()
        at = raw.index(MARK) + len(MARK)
        version, proto = raw[at:raw.index(b"\0", at)].split(b" protocol ")
        return version.decode(), int(proto)

    def put(self, program, content, mode=0o755):
        """As an installation does: another file takes its place."""
        new = self.libexec / f".{program}.new"
        new.write_bytes(content)
        new.chmod(mode)
        os.replace(new, self.libexec / program)

    def install(self, version=None, proto=None, programs=None):
        """Another build, of a version as long as ours; none: our own."""
        version = version or self.version
        proto = self.proto if proto is None else proto
        old = MARK + f"{self.version} protocol {self.proto}".encode() + b"\0"
        new = MARK + f"{version} protocol {proto}".encode() + b"\0"
        assert len(new) == len(old), (new, old)
        for path in sorted((self.real / "libexec" / "meshsup").iterdir()):
            if programs is not None and path.name not in programs:
                continue
            raw = path.read_bytes()
            assert raw.count(old) == 1, path
            self.put(path.name, raw.replace(old, new))

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)
