"""Another user of this host: a process of that uid that asks the API."""

import json
import subprocess
import sys

from .asserts import registration
from .prefix import SLOW
from .wait import wait_for

PROGRAM = r"""
import http.client, json, os, socket, sys
uid, path = int(sys.argv[1]), sys.argv[2]
os.setgroups([]); os.setgid(uid); os.setuid(uid); os.chdir("/")

class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)

for line in sys.stdin:
    method, where, body, token = json.loads(line)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "ClaudeMesh-Session " + token
    c = Connection("localhost")
    c.request(method, where, body and json.dumps(body), headers)
    r = c.getresponse()
    print(json.dumps([r.status, json.loads(r.read())]), flush=True)
    c.close()
"""


class OtherUser:
    """Its own process is the one that its sessions belong to."""

    def __init__(self, daemon, uid):
        self.daemon = daemon
        self.uid = uid
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(uid), daemon.socket],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, method, path, body=None, token=None):
        """(status, object)"""
        p = self.process
        p.stdin.write(json.dumps([method, path, body, token]) + "\n")
        p.stdin.flush()
        line = p.stdout.readline()
        assert line, f"uid {self.uid}: its process has ended"
        status, answer = json.loads(line)
        return status, answer

    def get(self, path, token=None):
        status, answer = self.ask("GET", path, token=token)
        assert status == 200, (path, status, answer)
        return answer

    def register(self, name, mesh=None):
        """A session of its own that is open: its token and key."""
        body = registration(display_name=name, mesh=mesh,
                            pid=self.process.pid)
        self.daemon.secrets.add(body["token"])
        status, answer = self.ask("POST", "/v1/sessions/register", body)
        assert status == 200, (status, answer)
        wait_for(lambda: self.get("/v1/sessions/me", body["token"])[
            "session"]["state"] == "open", 15, f"{name} is not open")
        return body["token"], answer["session_pubkey"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(10 * SLOW)
        self.process.stdout.close()
