"""What a hostile broker says: every field of every frame wrong."""

import copy
import json
import os

from .keys import b64
from .scripted import ScriptedBroker, iso_now, message_id

KEY = "0123456789abcdef" * 4


class Absent:
    """The field is not there."""

    def __repr__(self):
        return "ABSENT"


ABSENT = Absent()


def nested(depth, leaf=1):
    for i in range(depth):
        leaf = [leaf] if i % 2 else {"a": leaf}
    return leaf


VALUES = [ABSENT, None, True, False, 0, -1, 1.5, 2**63 - 1, "", "x", "system",
          "0" * 64, "ü✓\u202e\u0085", "a\u0001\u001b[31m\r\n", "%s%n'\"\\",
          [], {}, [[]], [None] * 300, {"": None}, nested(20)]
# Each of them once: they are long, or no frame that is taken at all.
HUGE = ["y" * 70_000, "\0", 2**64, 1e308, nested(40), nested(900),
        ["z"] * 20_000, {f"k{i}": i for i in range(5000)}]


def frames(mesh_id="m", sender=KEY):
    """One of each type, as it should be."""
    row = {"pubkey": sender, "memberPubkey": sender, "displayName": "mallory",
           "status": "idle", "summary": "s", "groups": [{"name": "dev"}],
           "sessionId": "x", "connectedAt": iso_now(), "cwd": "/",
           "peerRole": "session", "visible": True, "profile": {"bio": "b"}}
    said = {"id": message_id(), "senderPubkey": sender, "senderMemberId": "x",
            "senderName": "mallory", "nonce": b64(os.urandom(24)),
            "ciphertext": b64(b"a line of history"), "bodyVersion": 1,
            "replyToId": "r", "createdAt": iso_now()}
    skill = {"name": "n", "description": "d", "tags": ["t"], "author": "a",
             "createdAt": iso_now(), "instructions": "i", "manifest": {}}
    topic = {"id": "t", "name": "n", "visibility": "public"}
    kicked = {"affected": ["x"], "kicked": ["x"],
              "skipped_control_plane": ["y"]}
    event = ScriptedBroker.system(
        mesh_id, "peer_joined", name="mallory", pubkey=sender,
        groups=[{"name": "dev", "role": "r"}], lastSeenAt=iso_now(),
        summary="s")
    found = [
        {"type": "push", "messageId": message_id(), "meshId": mesh_id,
         "senderPubkey": sender, "senderMemberPubkey": sender,
         "senderMemberId": "x", "senderName": "mallory", "priority": "next",
         "nonce": b64(os.urandom(24)), "ciphertext": b64(b"plain words"),
         "createdAt": iso_now(), "client_message_id": "c-" + message_id(),
         "request_fingerprint": KEY, "replyToId": "r", "topic": "news"},
        event, {**event, "event": "peer_returned"},
        {**event, "event": "peer_left"},
        {**event, "event": "profile_updated"}, {**event, "event": "tick"},
        {"type": "ack", "id": "m-1", "messageId": message_id(),
         "queued": True, "duplicate": True},
        {"type": "ack", "id": "m-1", "messageId": "", "queued": False,
         "error": "rate_limit: max 60 msg/min (burst 10) — slow down"},
        {"type": "hello_ack", "presenceId": message_id(),
         "memberDisplayName": "m", "memberProfile": {"roleTag": None},
         "meshPolicy": {"selfEditable": {"groups": True}}, "restored": True,
         "lastSummary": "s", "restoredGroups": [], "restoredStats": {},
         "services": [{"name": "s"}]},
        {"type": "error", "code": "not_found", "message": "no", "id": "r1",
         "_reqId": "r1"},
        {"type": "peers_list", "peers": [row]},
        {"type": "state_result", "key": "k", "value": 1, "updatedBy": "x",
         "updatedAt": iso_now()},
        {"type": "state_value", "key": "k", "value": 1},
        {"type": "state_list", "entries": [{"key": "k", "value": 1,
                                            "updatedBy": "x"}]},
        {"type": "state_change", "key": "k", "value": 1, "updatedBy": "x"},
        {"type": "memory_stored", "id": "i", "memoryId": "i"},
        {"type": "memory_results", "memories": [
            {"id": "i", "content": "c", "tags": ["t"], "rememberedBy": "x",
             "rememberedAt": iso_now()}]},
        {"type": "message_status_result", "messageId": message_id(),
         "targetSpec": sender, "delivered": True, "deliveredAt": iso_now(),
         "recipients": [{"name": "x", "pubkey": sender,
                         "status": "delivered"}]},
        {"type": "topic_created", "topic": topic, "created": True},
        {"type": "topic_list_response", "topics": [topic]},
        {"type": "topic_members_response", "topic": "t", "members": [
            {"memberId": "x", "pubkey": sender, "displayName": "m"}]},
        {"type": "topic_history_response", "topic": "t", "messages": [said]},
        {"type": "skill_list", "skills": [skill]},
        {"type": "skill_data", "skill": skill},
        {"type": "skill_ack", "name": "n", "action": "shared"},
        {"type": "scheduled_ack", "scheduledId": "i", "deliverAt": 1,
         "cron": "* * * * *"},
        {"type": "scheduled_list", "messages": [{"id": "i"}]},
        {"type": "cancel_scheduled_ack", "scheduledId": "i", "ok": True},
        {"type": "mesh_info_result", "mesh": "m", "peers": 1, "groups": [],
         "stateKeys": ["k"], "memoryCount": 1, "yourName": "x",
         "yourGroups": []},
        {"type": "kick_ack", **kicked}, {"type": "disconnect_ack", **kicked},
        {"type": "ban_ack", "banned": "x"},
        {"type": "unban_ack", "unbanned": "x"},
        {"type": "list_bans_result", "bans": [
            {"name": "x", "pubkey": sender, "revokedAt": iso_now()}]},
        {"type": "no_such_type", "x": 1},
    ]
    return found + [{**found[0], "type": "inbound", "messageId":
                     message_id(), "nonce": b64(os.urandom(24)),
                     "client_message_id": "c-" + message_id()}]


def paths(value, at=()):
    """The way to every field, also inside."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield (*at, k)
            yield from paths(v, (*at, k))
    elif isinstance(value, list) and value:
        yield (*at, 0)
        yield from paths(value[0], (*at, 0))


def changed(frame, path, value):
    frame = copy.deepcopy(frame)
    at = frame
    for step in path[:-1]:
        at = at[step]
    if value is ABSENT:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return frame


def wrong(template, values=VALUES):
    """The frame with each of its fields as each of the values, as text."""
    for path in paths(template):
        for value in values:
            yield text_of(changed(template, path, value))


def text_of(frame):
    return json.dumps(frame, ensure_ascii=False)


def broken(template):
    """What is no frame, though it begins as one."""
    text = text_of(template)
    kind = json.dumps(template["type"])
    yield text[:-1] + f',"type":{kind}}}'           # a key twice
    yield text[:-1] + ',"senderPubkey":"x","senderPubkey":"y"}'
    yield text[:len(text) // 2]
    yield text + text
    yield "[" + text + "]"
    yield text[:-1] + ',"\\u0000":1,"x":"\\ud800"}'
    yield text[:-1] + ',"x":NaN,"y":-0e99999}'
    yield "\ufeff" + text
    yield text[:-1] + "\0}"


# --- below the frames ---

def raw_frame(opcode, payload, fin=True):
    """A WebSocket frame of a server."""
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if n < 126:
        head += bytes([n])
    elif n < 65536:
        head += b"\x7e" + n.to_bytes(2, "big")
    else:
        head += b"\x7f" + n.to_bytes(8, "big")
    return head + payload


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def pieces(text, size=1, between=b""):
    """A text frame in fragments, something between each two of them."""
    data = text.encode()
    out = []
    for i in range(0, len(data), size):
        out.append(raw_frame(TEXT if i == 0 else 0, data[i:i + size],
                             i + size >= len(data)))
    return between.join(out)
