"""Where the installed tree is, and how patient to be."""

import os
import pathlib

# Under sanitizers everything takes longer: all deadlines are multiplied.
SLOW = float(os.environ.get("MESHSUP_SLOW", "1"))

HELP = ("MESHSUP_PREFIX is not set: give the --prefix of a `make install`,"
        " for example MESHSUP_PREFIX=/tmp/ms tests/integration/run")


class NoPrefix(Exception):
    pass


def prefix():
    """The installed tree, or an exception that says what to do."""
    path = os.environ.get("MESHSUP_PREFIX")
    if not path:
        raise NoPrefix(HELP)
    path = pathlib.Path(path).resolve()
    if not os.access(path / "bin" / "meshsup", os.X_OK):
        raise NoPrefix(f"no bin/meshsup below MESHSUP_PREFIX={path}:"
                       " was it `make install`ed there?")
    return path


def binary():
    return str(prefix() / "bin" / "meshsup")


def libexec(name):
    return str(prefix() / "libexec" / "meshsup" / name)
