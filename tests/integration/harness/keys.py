"""Keys, signatures and envelopes, by PyNaCl alone.

Keys and signatures are lower-case hex, as on the wire.
"""

import base64
import hashlib
import json
import os
import time

import nacl.bindings as sodium
import nacl.exceptions


def now_ms():
    return int(time.time() * 1000)


def verify(pub, text, signature):
    """Is signature (hex) the owner of pub's (hex) over text?"""
    try:
        sodium.crypto_sign_open(bytes.fromhex(signature) + text.encode(),
                                bytes.fromhex(pub))
    except (nacl.exceptions.BadSignatureError, ValueError,
            nacl.exceptions.ValueError):
        return False
    return True


def hello_text(mesh_id, member_id, pub, timestamp):
    return f"{mesh_id}|{member_id}|{pub}|{timestamp}"


def attest_text(parent, session, expires_at):
    return f"claudemesh-session-attest|{parent}|{session}|{expires_at}"


def session_hello_text(mesh_id, parent, session, timestamp):
    return f"claudemesh-session-hello|{mesh_id}|{parent}|{session}|{timestamp}"


class Key:
    """An ed25519 key pair."""

    def __init__(self, seed=None):
        pub, sec = sodium.crypto_sign_seed_keypair(seed or os.urandom(32))
        self.pub = pub.hex()
        self.secret = sec.hex()
        self._box_secret = sodium.crypto_sign_ed25519_sk_to_curve25519(sec)

    def sign(self, text):
        signed = sodium.crypto_sign(text.encode(), bytes.fromhex(self.secret))
        return signed[:64].hex()

    def seal(self, recipient, text, nonce=None):
        """(nonce, ciphertext), base64, of a direct message to a key."""
        nonce = nonce or os.urandom(24)
        body = text if isinstance(text, bytes) else text.encode()
        box = sodium.crypto_box(
            body, nonce, sodium.crypto_sign_ed25519_pk_to_curve25519(
                bytes.fromhex(recipient)), self._box_secret)
        return b64(nonce), b64(box)

    def open(self, sender, nonce, ciphertext):
        """The plaintext (str) of a direct message, or None."""
        try:
            return sodium.crypto_box_open(
                base64.b64decode(ciphertext, validate=True),
                base64.b64decode(nonce, validate=True),
                sodium.crypto_sign_ed25519_pk_to_curve25519(
                    bytes.fromhex(sender)), self._box_secret).decode()
        except (nacl.exceptions.CryptoError, ValueError):
            return None


class Member:
    """A member of a mesh: what a mesh file holds."""

    def __init__(self, mesh_id, member_id=None, slug="test", name="member",
                 key=None):
        self.mesh_id = mesh_id
        self.member_id = member_id
        self.slug = slug
        self.name = name
        self.key = key or Key()

    def hello(self, **changes):
        """A member's hello; changes are made after it was signed."""
        t = changes.pop("timestamp", now_ms())
        signature = self.key.sign(hello_text(
            self.mesh_id, self.member_id, self.key.pub, t))
        return edited({
            "type": "hello", "meshId": self.mesh_id,
            "memberId": self.member_id, "pubkey": self.key.pub,
            "displayName": self.name, "sessionId": minted_id(),
            "pid": os.getpid(), "cwd": "/", "peerType": "ai",
            "channel": "claudemesh-daemon", "timestamp": t,
            "signature": signature}, changes)

    def attest(self, session_pub, expires_at=None):
        at = now_ms() + 12 * 3600 * 1000 if expires_at is None else expires_at
        return {"sessionPubkey": session_pub,
                "parentMemberPubkey": self.key.pub, "expiresAt": at,
                "signature": self.key.sign(
                    attest_text(self.key.pub, session_pub, at))}

    def session_hello(self, session, **changes):
        """A session's hello; changes are made after it was signed."""
        t = changes.pop("timestamp", now_ms())
        signature = session.sign(session_hello_text(
            self.mesh_id, self.key.pub, session.pub, t))
        return edited({
            "type": "session_hello", "meshId": self.mesh_id,
            "parentMemberId": self.member_id,
            "parentMemberPubkey": self.key.pub, "sessionPubkey": session.pub,
            "parentAttestation": self.attest(session.pub),
            "displayName": "session", "sessionId": minted_id(),
            "pid": os.getpid(), "cwd": "/", "peerType": "ai",
            "channel": "claudemesh-session", "timestamp": t,
            "signature": signature}, changes)

    def mesh_file(self, url):
        """What state-dir/meshes.d/<slug>.json holds of this member."""
        return {"meshId": self.mesh_id, "memberId": self.member_id,
                "slug": self.slug, "name": self.slug, "pubkey": self.key.pub,
                "secretKey": self.key.secret, "brokerUrl": url,
                "joinedAt": "2026-01-01T00:00:00.000Z",
                "displayName": self.name}


def edited(frame, changes):
    """A change to None takes the member away."""
    frame.update(changes)
    return {k: v for k, v in frame.items() if v is not None}


def minted_id():
    """A UUID of our own making."""
    h = os.urandom(16).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def b64(raw):
    return base64.b64encode(raw).decode()


def fingerprint(to, body, priority="next", reply_to="", meta=None):
    """request_fingerprint of a send, delivery.md section 2.

    The canonical form made here is right for meta of strings and integers
    below ASCII keys, which is what the tests send.
    """
    if to == "*":
        kind, ref = "topic", "*"
    elif to.startswith("@"):
        kind, ref = "topic", to[1:]
    else:
        kind, ref = "dm", to
    canon = "" if meta is None else json.dumps(
        meta, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    parts = ["1", kind, ref, reply_to, priority, canon]
    text = b"".join(p.encode() + b"\0" for p in parts)
    return hashlib.sha256(
        text + hashlib.sha256(body.encode()).digest()).hexdigest()
