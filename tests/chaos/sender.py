"""A process that registers as a session, sends, and exits right after the
answer to its last send.  What to do comes as JSON on stdin; every step is
said on stdout, one JSON object per line.  Stands alone: it starts quickly.
"""

import http.client
import json
import os
import socket
import sys
import time

AGAIN = (429, 503, 504, 507)
PATIENCE = 90


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=15)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def say(**what):
    print(json.dumps(what), flush=True)


def insist(path, where, body, headers):
    end = time.monotonic() + PATIENCE
    last = None
    while time.monotonic() < end:
        conn = Unix(path)
        try:
            conn.request("POST", where, json.dumps(body),
                         {"Content-Type": "application/json", **headers})
            r = conn.getresponse()
            text = r.read().decode()
            if r.status in (200, 202):
                return r.status, json.loads(text)
            if r.status not in AGAIN:
                say(fault=f"{where}: {r.status} {text}")
                sys.exit(1)
            last = r.status
        except (OSError, http.client.HTTPException) as e:
            last = repr(e)
        finally:
            conn.close()
        time.sleep(0.02)
    say(fault=f"{where}: no answer in time, last {last}")
    sys.exit(1)


def main():
    ask = json.load(sys.stdin)
    _, answer = insist(ask["socket"], "/v1/sessions/register", {
        "token": ask["token"], "session_id": ask["name"],
        "mesh": ask["mesh"], "display_name": ask["name"],
        "pid": os.getpid()}, {})
    say(pubkey=answer["session_pubkey"])
    headers = {"Authorization": "ClaudeMesh-Session " + ask["token"]}
    last = ask["sends"][-1]
    for send in ask["sends"]:
        say(**{"try": send["client_message_id"]})
        status, _ = insist(ask["socket"], "/v1/send",
                           {**send, "priority": ask["priority"]}, headers)
        if send is last:
            os._exit(0)         # which says that it was answered
        say(ok=send["client_message_id"], status=status)


main()
