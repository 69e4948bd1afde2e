"""What a client must have right, as the scripted broker sees it."""

import base64
import re

from .keys import (attest_text, hello_text, now_ms, session_hello_text,
                   verify)

HEX64 = re.compile(r"[0-9a-f]{64}")
HEX128 = re.compile(r"[0-9a-f]{128}")
GROUP = re.compile(r"[A-Za-z0-9_/-]+")
SKEW_MS = 60000
DAY_MS = 24 * 3600 * 1000


class Checks:
    """Every fault goes into `violations`; `members` is who may come, by
    key."""

    def fault_if(self, wrong, conn, what):
        if wrong:
            self.violations.append(f"connection {conn.number}: {what}")

    def check_types(self, conn, frame, must, may):
        for name, kind in must.items():
            value = frame.get(name)
            self.fault_if(
                not isinstance(value, kind) or isinstance(value, bool),
                conn, f"{frame.get('type')}.{name} is {value!r}")
        for name, value in frame.items():
            kind = {**must, **may}.get(name)
            self.fault_if(kind is None, conn,
                          f"{frame.get('type')} has {name}={value!r}")
            self.fault_if(
                kind is not None and not isinstance(value, kind), conn,
                f"{frame.get('type')}.{name} is {value!r}")

    def check_hello(self, conn, f):
        kind = f.get("type")
        if kind not in ("hello", "session_hello"):
            self.fault_if(True, conn, f"{kind} before a hello")
            return
        must = {"type": str, "meshId": str, "sessionId": str, "pid": int,
                "cwd": str, "peerType": str, "channel": str,
                "timestamp": int, "signature": str}
        may = {"displayName": str, "hostname": str, "model": str,
               "groups": list}
        if kind == "hello":
            must.update(memberId=str, pubkey=str)
            member_pub = f.get("pubkey")
            text = hello_text(f.get("meshId"), f.get("memberId"), member_pub,
                              f.get("timestamp"))
            signer, channel = member_pub, "claudemesh-daemon"
            member_id = f.get("memberId")
        else:
            must.update(parentMemberId=str, parentMemberPubkey=str,
                        sessionPubkey=str, parentAttestation=dict)
            may["role"] = str
            member_pub = f.get("parentMemberPubkey")
            signer, channel = f.get("sessionPubkey"), "claudemesh-session"
            text = session_hello_text(f.get("meshId"), member_pub, signer,
                                      f.get("timestamp"))
            member_id = f.get("parentMemberId")
            self.check_attestation(conn, f)
        self.check_types(conn, f, must, may)
        for key in member_pub, signer:
            self.fault_if(not HEX64.fullmatch(str(key)), conn, f"key {key}")
        self.fault_if(not HEX128.fullmatch(str(f.get("signature"))), conn,
                      "the shape of the hello's signature")
        self.fault_if(not verify(str(signer), text, str(f.get("signature"))),
                      conn, f"{kind}: the signature does not verify")
        self.fault_if(abs(now_ms() - f.get("timestamp", 0)) > SKEW_MS, conn,
                      "timestamp_skew")
        self.fault_if(f.get("channel") != channel, conn,
                      f"channel {f.get('channel')}")
        self.fault_if(f.get("peerType") != "ai", conn, "peerType")
        m = self.members.get(member_pub)
        self.fault_if(m is None, conn, f"unknown member {member_pub}")
        if m is not None:
            self.fault_if(m.mesh_id != f.get("meshId"), conn, "meshId")
            self.fault_if(m.member_id != member_id, conn, "member id")
        for g in f.get("groups", []):
            self.fault_if(
                set(g) - {"name", "role"} or
                not GROUP.fullmatch(g.get("name", "")), conn, f"group {g}")

    def check_attestation(self, conn, f):
        a = f.get("parentAttestation") or {}
        self.fault_if(
            set(a) != {"sessionPubkey", "parentMemberPubkey", "expiresAt",
                       "signature"}, conn, f"attestation {sorted(a)}")
        self.fault_if(a.get("sessionPubkey") != f.get("sessionPubkey") or
                      a.get("parentMemberPubkey") !=
                      f.get("parentMemberPubkey"), conn,
                      "attestation_mismatch")
        left = a.get("expiresAt", 0) - now_ms()
        self.fault_if(not 0 < left <= DAY_MS, conn,
                      f"the attestation ends in {left} ms")
        self.fault_if(not verify(
            str(a.get("parentMemberPubkey")),
            attest_text(a.get("parentMemberPubkey"), a.get("sessionPubkey"),
                        a.get("expiresAt")), str(a.get("signature"))),
            conn, "the attestation does not verify")

    def check_send(self, conn, f):
        self.check_types(
            conn, f, {"type": str, "id": str, "client_message_id": str,
                      "request_fingerprint": str, "targetSpec": str,
                      "priority": str, "nonce": str, "ciphertext": str},
            {"replyToId": str, "mentions": list, "bodyVersion": int,
             "first": bool})
        self.fault_if(f.get("id") != f.get("client_message_id"), conn,
                      "id is not client_message_id")
        self.fault_if(not HEX64.fullmatch(f.get("request_fingerprint", "")),
                      conn, "request_fingerprint")
        self.fault_if(f.get("priority") not in ("now", "next", "low"), conn,
                      f"priority {f.get('priority')}")
        try:
            nonce = base64.b64decode(f.get("nonce", ""), validate=True)
            base64.b64decode(f.get("ciphertext", ""), validate=True)
            self.fault_if(len(nonce) != 24, conn, "nonce length")
        except ValueError:
            self.fault_if(True, conn, "base64")
