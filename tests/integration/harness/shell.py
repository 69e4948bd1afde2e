"""What tests of the command do at a shell again and again."""

import json
import os

from .keys import Key
from .wait import wait_for


def register(d, name, *args):
    """A session of this process, connected; its key becomes d.<name>."""
    out = d.ms("session", "register", "--name", name, "--pid",
               str(os.getpid()), "--json", *args)
    answer = json.loads(out)
    token = open(answer["token_file"]).read().split()[0]
    d.secrets.add(token)
    api = d.api(token)      # the command itself waits for 3 s only
    wait_for(lambda: api.get("/v1/sessions/me").json["session"]["state"]
             == "open", 15)
    setattr(d, name, answer["session_pubkey"])


def data(d, *args):
    """What a verb prints as JSON."""
    return json.loads(d.ms(*args, "--json"))


def inbox(d, name):
    return data(d, "inbox", "--as", name, "--no-mark")["items"]


def row(d, id, name="alice"):
    return data(d, "outbox", "show", id, "--as", name)


def waiting(d, text="waits", to=None):
    """The id of a row of alice's to somebody who is not there."""
    sent = data(d, "send", "--as", "alice", to or Key().pub, text)
    # Between two attempts, so that what a test does to it is not refused.
    wait_for(lambda: row(d, sent["id"])["attempts"] > 0, 15)
    return sent["id"]


def arrived(d, name, text):
    return wait_for(lambda: [i for i in inbox(d, name)
                             if i["body"] == text], 15)
