"""The scripted broker, passing messages on as deployed brokers do.

Frames are the recorded ones with other values in them.  Nothing is pushed of a
topic; multicasts go to other members only; a direct message to a member is
claimed by any of its connections; and everything comes twice, live and then
from the queue (delivery.md section 9, fault 19).
"""

import json
import pathlib

from .scripted import ScriptedBroker, iso_now, message_id

RECORDED = pathlib.Path(__file__).parent.parent / "data" / "broker.jsonl"


def recorded(kind, where=lambda f: True):
    """The first frame of that type that a deployed broker sent."""
    for line in RECORDED.read_text().splitlines():
        r = json.loads(line)
        if r["dir"] == "broker to client" and "frame" in r and \
                r["frame"]["type"] == kind and where(r["frame"]):
            return r["frame"]
    raise AssertionError(f"no recorded {kind}")


DIRECT = recorded("push", lambda f: "client_message_id" in f)
MULTICAST = recorded("push", lambda f: "senderName" in f)
SYSTEM = recorded("push", lambda f: f.get("event") == "peer_joined")
ACK = recorded("ack", lambda f: f["queued"])
PEER = recorded("peers_list")["peers"][0]


def filled(template, **values):
    """The recorded frame with these values; it has no others."""
    assert set(values) <= set(template), set(values) - set(template)
    return {**template, **values}


class Deployed(ScriptedBroker):
    """`copies`: how often each push comes."""

    def __init__(self, members=()):
        super().__init__(members)
        self.copies = 2
        self._turn = 0

    async def answer_send(self, conn, frame, changes):
        conn.unacked = [u for u in conn.unacked if u[0] != frame["id"]]
        self.fault_if("first" in frame, conn, "`first` without \"ordered\"")
        ack = filled(ACK, id=frame["id"], messageId=message_id())
        to = frame["targetSpec"]
        if to.startswith("#"):
            self._remember(conn, frame, ack["messageId"])
        elif to == "*" or to.startswith("@"):
            await self._multicast(conn, frame, ack["messageId"])
        elif not await self._direct(conn, frame, ack["messageId"]):
            ack.update(messageId="", queued=False, error=(
                "no connected peer for target (not online, or targetSpec is"
                " your own key without another session)"))
        await conn.write(ack)

    def _remember(self, conn, frame, mid):
        topic = self.topics.find(frame["targetSpec"][1:])
        if topic is None:
            return
        self.topics.history[topic].append({
            "id": mid, "senderPubkey": conn.pub,
            "senderMemberId": self.members[member_of(conn)].member_id,
            "senderName": conn.hello.get("displayName", "member"),
            "nonce": frame["nonce"], "ciphertext": frame["ciphertext"],
            "bodyVersion": 1, "createdAt": iso_now()})

    async def _multicast(self, conn, frame, mid):
        to = frame["targetSpec"]
        push = filled(
            MULTICAST, messageId=mid, meshId=conn.hello["meshId"],
            senderPubkey=conn.pub, senderMemberPubkey=member_of(conn),
            senderMemberId=self.members[member_of(conn)].member_id,
            senderName=conn.hello.get("displayName", "member"),
            priority=frame["priority"], nonce=frame["nonce"],
            ciphertext=frame["ciphertext"], createdAt=iso_now())
        for other in self.live():
            if member_of(other) == member_of(conn) or to != "*" and \
                    to[1:] not in groups_of(other):
                continue
            await other.write(push)
            for _ in range(self.copies - 1):
                await other.write({
                    **push, "messageId": message_id(),
                    "client_message_id": frame["client_message_id"]})

    async def _direct(self, conn, frame, mid):
        """False: there is nobody."""
        to = frame["targetSpec"]
        there = [c for c in self.live() if c is not conn and
                 to in (c.pub, member_of(c))]
        exact = [c for c in there if c.kind == "session" and c.pub == to]
        if not there:
            return False
        # Whichever connection of a member comes first: each in its turn.
        self._turn += 1
        other = exact[0] if exact else there[self._turn % len(there)]
        push = filled(
            DIRECT, messageId=mid, meshId=conn.hello["meshId"],
            senderPubkey=conn.pub, priority=frame["priority"],
            nonce=frame["nonce"], ciphertext=frame["ciphertext"],
            createdAt=iso_now(), client_message_id=frame["client_message_id"],
            request_fingerprint=frame["request_fingerprint"])
        for _ in range(self.copies):
            await other.write(push)
        return True

    async def answer_hello(self, conn):
        """Who came is told to others, and to siblings of a session."""
        await super().answer_hello(conn)
        said = filled(
            SYSTEM, meshId=conn.hello["meshId"], messageId=message_id(),
            eventData={"name": conn.hello.get("displayName", "member"),
                       "pubkey": conn.pub,
                       "groups": conn.hello.get("groups", [])})
        for other in self.live():
            if other is conn or conn.kind == "member" and \
                    member_of(other) == conn.pub:
                continue
            await other.write(said)

    def peers(self):
        return [filled(
            PEER, pubkey=c.pub, memberPubkey=member_of(c),
            displayName=c.hello.get("displayName", "member"),
            groups=c.hello.get("groups", []),
            sessionId=c.hello["sessionId"], connectedAt=iso_now(),
            cwd=c.hello["cwd"], peerRole="session" if c.kind == "session"
            else "control-plane") for c in self.live()]


def member_of(conn):
    return conn.hello.get("parentMemberPubkey") or conn.hello["pubkey"]


def groups_of(conn):
    return [g["name"] for g in conn.hello.get("groups", [])]
