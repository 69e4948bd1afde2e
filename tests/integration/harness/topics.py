"""Topics of a scripted broker: kept in a history, never pushed."""

import base64
import os

from .keys import Key


class Topics:
    """What deployed brokers do with topics, and what a test makes of it.

    refuse      an error code for every history, or None
    pages       rewrites the messages of an answer: a function (frame, list)
    """

    def __init__(self, broker):
        self.broker = broker
        self.names = {}         # id -> name
        self.history = {}       # id -> messages, oldest first
        self.refuse = None
        self.pages = lambda frame, messages: messages
        self.silent = False

    def create(self, name):
        topic = "topic-" + os.urandom(8).hex()
        self.names[topic] = name
        self.history[topic] = []
        return topic

    def remove(self, topic):
        del self.names[topic]

    def say(self, topic, text, sender=None, **changes):
        """Somebody says it there; the message as the history has it."""
        from .scripted import iso_now, message_id
        message = {
            "id": message_id(), "senderPubkey": sender or Key().pub,
            "senderMemberId": "m-else", "senderName": "carol",
            "nonce": base64.b64encode(os.urandom(24)).decode(),
            "ciphertext": base64.b64encode(text.encode()).decode(),
            "bodyVersion": 1, "createdAt": iso_now(), **changes}
        self.history[topic].append(message)
        return message

    def push_of(self, mesh_id, topic, message):
        """The live push that a broker which pushes makes of it."""
        from .scripted import message_id
        return {"type": "push", "messageId": message_id(),
                "meshId": mesh_id, "topic": self.names[topic],
                "priority": "next",
                **{k: v for k, v in message.items() if k not in (
                    "id", "bodyVersion")}}

    def find(self, ref):
        for topic, name in self.names.items():
            if ref in (topic, name):
                return topic
        return None

    async def answer(self, conn, frame):
        """1 when it is one of ours."""
        kind = frame.get("type", "")
        if not kind.startswith("topic_"):
            return False
        if self.silent:
            return True
        req = {"_reqId": frame.get("_reqId")}
        topic = self.find(frame.get("topic"))
        if kind == "topic_list":
            await conn.write({"type": "topic_list_response", "topics": [
                {"id": t, "name": n, "description": None,
                 "visibility": "public", "memberCount": 1,
                 "createdAt": "2026-11-24T10:00:00.000Z"}
                for t, n in self.names.items()], **req})
        elif topic is None:
            await conn.write({"type": "error", "code": "topic_not_found",
                              "message": "no such topic",
                              "id": frame.get("_reqId")})
        elif kind == "topic_history" and self.refuse:
            await conn.write({"type": "error", "code": self.refuse,
                              "message": "no", **req})
        elif kind == "topic_history":
            await conn.write({"type": "topic_history_response",
                              "topic": frame["topic"],
                              "messages": self.pages(
                                  frame, self._page(topic, frame)), **req})
        return True

    def _page(self, topic, frame):
        said = list(self.history[topic])
        if "beforeId" in frame:
            ids = [m["id"] for m in said]
            said = said[:ids.index(frame["beforeId"])] \
                if frame["beforeId"] in ids else []
        return said[::-1][:frame.get("limit", 50)]
