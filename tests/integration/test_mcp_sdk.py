"""Promise: the official TypeScript SDK of the Model Context Protocol talks
with the bridge: two sessions at once on one daemon, each of which hears its own
messages and no other's, also when the gate is killed in between.

Needs node, and the SDK in a directory that MESHSUP_MCP_SDK names:

    npm install --prefix DIR @modelcontextprotocol/sdk
"""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import SLOW
from harness.mcphost import token_env

SDK = os.environ.get("MESHSUP_MCP_SDK", "")
NODE = shutil.which("node")
SCRIPT = pathlib.Path(__file__).parent / "harness" / "mcpsdk.mjs"

pytestmark = pytest.mark.skipif(
    not (SDK and NODE), reason="no node, or MESHSUP_MCP_SDK is not set")


@pytest.mark.parametrize("who", ["gate", "store", "worker", "supervisor"])
def test_two_sessions(make, who):
    daemon = make.daemon()
    sessions = [daemon.register(n) for n in ("alice", "bob")]
    plan = {"command": daemon.argv("mcp")[0], "args": daemon.argv("mcp")[1:],
            "deadline_ms": 30000 * SLOW, "hosts": [
                {"name": s.name, "env": {**daemon.env, **token_env(s)}}
                for s in sessions]}
    p = subprocess.Popen([NODE, str(SCRIPT), SDK, json.dumps(plan)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "HALF\n", p.stderr.read()
        if who == "supervisor":
            os.kill(daemon.status()["pid"], 9)
            daemon.start()
        else:
            old = daemon.kill(who, sessions[1] if who == "worker" else None)
            daemon.wait_restarted(who, old, sessions[1] if who == "worker"
                                  else None)
        out, err = p.communicate("go\n", timeout=90 * SLOW)
    finally:
        if p.poll() is None:
            p.kill()
            p.communicate()
    assert p.returncode == 0, err
    seen = json.loads(out)
    assert seen["heard"] == [
        [f"{other}: {i} from {other}" for i in range(20)]
        for other in ("bob", "alice")]
    assert "send_message" in seen["tools"] and len(seen["lists"]) == 3
    assert seen["version"]["name"] == "meshsup"
    assert seen["capabilities"]["experimental"] == {"claude/channel": {}}
