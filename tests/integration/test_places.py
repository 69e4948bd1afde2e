"""Promise: what is in the directories stays what it was, and whoever is to
come in can (design.md, "Configuration and places", "Keys").
"""

import json
import os
import subprocess
import sys

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")


@as_root
def test_every_user_reaches_the_socket_of_the_system(make):
    d = make.daemon()
    ask = ("import os, socket, sys; os.setuid(65534); "
           "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
           "s.send(b'GET /v1/version HTTP/1.0\\r\\n\\r\\n'); "
           "print(s.recv(100).decode())")
    r = subprocess.run([sys.executable, "-c", ask, d.socket], text=True,
                       capture_output=True, timeout=30)
    assert r.stdout.startswith("HTTP/1"), r
    for path in (d.admin_socket, d.state_dir):
        assert os.stat(path).st_mode & 0o077 == 0, path


@pytest.mark.parametrize("damage", ["mode", "text"])
def test_the_key_of_the_local_mesh_is_never_replaced(make, damage):
    d = make.daemon()
    d.stop()
    path = d.state_dir / "meshes.d" / "local.json"
    good = path.read_text()
    if damage == "mode":
        path.chmod(0o644)
    else:
        path.write_text(good[:-20])
    bad = path.read_text()
    r = d.start_any()
    assert r.exit == 1 and "local.json" in r.err, r.err
    assert path.read_text() == bad
    path.write_text(good)
    path.chmod(0o600)
    d.start()
    assert json.loads(path.read_text())["pubkey"] == \
        json.loads(good)["pubkey"]
