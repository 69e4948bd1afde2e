"""What tests of the local API ask again and again."""

import os
import secrets

from .keys import Member, minted_id
from .wait import wait_for


def is_error(r, status):
    """The documented shape: a code, and what a person can do."""
    assert r.status == status, r
    assert isinstance(r.json["error"], str) and r.json["error"], r
    return r.json["error"]


def arrived(session, body, deadline=10):
    """The row of a session's inbox with that body, when it is there."""
    return wait_for(lambda: [i for i in session.inbox()
                             if i["body"] == body], deadline, body)[0]


def registration(**changes):
    """The body of a registration; a change to None takes a member away."""
    b = {"token": secrets.token_hex(32), "session_id": minted_id(),
         "mesh": "local", "display_name": "x", "pid": os.getpid(), **changes}
    return {k: v for k, v in b.items() if v is not None}


def brought(member_key, key, **changes):
    """A presence with a key of the client's own; changes spoil it."""
    m = Member("x", "y", key=member_key)
    a = m.attest(key.pub, changes.pop("expires_at", None))
    p = {"session_pubkey": key.pub, "session_secret_key": key.secret,
         "parent_attestation": {
             "session_pubkey": key.pub, "parent_member_pubkey":
             member_key.pub, "expires_at": a["expiresAt"],
             "signature": a["signature"]}}
    for name, value in changes.items():
        place = p if name in p else p["parent_attestation"]
        if value is None:
            del place[name]
        else:
            place[name] = value
    return p
