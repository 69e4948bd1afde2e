"""A daemon whose only mesh is on a scripted broker."""

from .keys import Key, Member, minted_id


class World:
    """A scripted broker, and a daemon whose only mesh is on it."""

    def __init__(self, make, features=None, tls=None, config="", start=True,
                 url=None):
        self.member = Member("mesh-" + minted_id(), "member-" + minted_id(),
                             slug="acme", name="hosty")
        self.broker = make.scripted([self.member], features=features,
                                    tls=tls, start=start)
        self.daemon = make.daemon(
            config=config, meshes=[self.member.mesh_file(
                url or self.broker.url)])

    def register(self, name="alice", **kw):
        s = self.daemon.register(name, mesh="acme", **kw)
        s.conn = lambda after=0: self.broker.wait_session(
            s.pubkey, after=after)
        return s

    def push(self, session, text, sender=None, **changes):
        """A direct message to a session from some key: the frame."""
        return self.broker.direct(self.member.mesh_id, sender or Key(),
                                  session.pubkey, text, **changes)


def body_list(session):
    """The bodies of its inbox, oldest first."""
    return [i["body"] for i in reversed(session.inbox())]


def row_of(session, cid):
    """The outbox row of that client_message_id."""
    return [r for r in session.outbox() if r["client_message_id"] == cid][0]


def same(a, b):
    """Byte for byte the same but for `first`, which is the connection's."""
    return {**a, "first": 0} == {**b, "first": 0}


def api_barrier(session):
    """The session's worker has asked the broker something, after all that it
    had to say before."""
    r = session.api.get("/v1/peers")
    assert r.status == 200, r


def resume(session):
    """A parked session, by its id: the state that it is in then."""
    r = session.daemon.api().post(f"/v1/sessions/{session.session_id}/resume")
    assert r.status == 200 and r.json["ok"] is True, r
    return r.json["state"]
