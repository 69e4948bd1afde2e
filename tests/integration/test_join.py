"""Promise: a mesh is made on the embedded broker, others are let in with an
invite, and their sessions talk; an invite is good for as many, as long and for
what its maker said, and is a secret (broker-protocol.md, "Joining over HTTP").
"""

import json
import os
import stat

import pytest

from harness import wait_for
from harness.joinhost import decode
from harness.other import OtherUser

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs other users")
ALICE, BOB = 64011, 64012


def secret(daemons, link):
    """No log may show any of it."""
    token = link.rsplit("/", 1)[1]
    for d in daemons:
        d.secrets |= {token, token[-40:], decode(token)["signature"]}
    return link


def create(d, name, **fields):
    r = d.api().post("/v1/meshes", {"name": name, **fields})
    assert r.status == 200, r
    return r.json["mesh"]


def invite(d, slug, others=(), **fields):
    r = d.api().post(f"/v1/meshes/{slug}/invite", fields)
    assert r.status == 200, r
    return secret([d, *others], r.json["invite"])


def join(d, link, **fields):
    return d.api().post("/v1/meshes/join", {"invite": link, **fields})


@pytest.fixture(scope="module")
def host(make_shared):
    """Whose embedded broker the others join."""
    return make_shared.daemon()


@pytest.fixture(scope="module")
def guest(make_shared):
    return make_shared.daemon()


def test_create_invite_join_talk(make):
    """By the command: two daemons, one broker, messages both ways."""
    a, b = make.daemon(), make.daemon()
    made = json.loads(a.ms("mesh", "create", "Acme Works", "--json"))["mesh"]
    assert made["slug"] == "acme-works" and made["name"] == "Acme Works"
    link = secret([a, b], a.ms("mesh", "invite", "acme-works").strip())
    assert link.startswith("ic://join/")
    out = b.ms("mesh", "join", "-", "--display-name", "bee",
               stdin=link + "\n")
    assert "acme-works" in out
    alice = a.register("alice", mesh="acme-works")
    bob = b.register("bob", mesh="acme-works")
    assert alice.send(bob, "hello").status == 202
    assert bob.send(alice, "and back").status == 202
    got, = bob.wait_inbox(1)
    assert got["body"] == "hello" and got["authenticated"]
    got, = alice.wait_inbox(1)
    assert got["body"] == "and back" and got["authenticated"]
    wait_for(lambda: {"alice", "bob", "bee"} <= {
        p["displayName"] for p in
        alice.api.get("/v1/peers").json["peers"]}, 15)


def test_a_joined_mesh_stays(make, host):
    """Its file is for us alone, and it is there after a restart."""
    create(host, "Kept")
    d = make.daemon()
    r = join(d, invite(host, "kept", [d]))
    assert r.status == 200, r
    path = d.state_dir / "meshes.d" / "kept.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = json.loads(path.read_text())
    assert held["pubkey"] == r.json["mesh"]["pubkey"]
    assert held["meshId"] == r.json["mesh"]["meshId"]
    assert held["brokerUrl"] == r.json["mesh"]["brokerUrl"]
    assert held["secretKey"] not in r.raw.decode()
    d.stop()
    d.start()
    d.register("again", mesh="kept")


def test_an_invite_is_for_so_many(make, host):
    create(host, "Few")
    d = [make.daemon() for _ in range(2)]
    link = invite(host, "few", d, max_uses=1)
    assert join(d[0], link).status == 200
    r = join(d[1], link)
    assert (r.status, r.error) == (410, "invite_exhausted"), r
    assert not (d[1].state_dir / "meshes.d" / "few.json").exists()
    link = invite(host, "few", d, max_uses=0)
    assert join(d[1], link).status == 200


def test_revoked(host, guest):
    """Those that were good are void; a later one is good again."""
    create(host, "Closed")
    links = [invite(host, "closed", [guest], max_uses=n) for n in (0, 1, 5)]
    out = json.loads(host.ms("mesh", "invite", "closed", "--revoke",
                             "--json"))
    assert out["ok"] and out["revoked"] == 3
    for link in links:
        r = join(guest, link)
        assert (r.status, r.error) == (410, "invite_revoked"), r
    assert join(guest, invite(host, "closed", [guest])).status == 200


def test_what_an_invite_says(host):
    create(host, "Says", slug="says")
    r = host.api().post("/v1/meshes/says/invite",
                        {"role": "admin", "expires_in": 600, "max_uses": 3})
    assert r.status == 200, r
    p = decode(secret([host], r.json["invite"]).rsplit("/", 1)[1])
    assert p["role"] == "admin" and p["mesh_slug"] == "says"
    assert p["broker_url"] == r.json["broker_url"]
    assert r.json["max_uses"] == 3 and r.json["role"] == "admin"
    # The same again is another invite all the same.
    links = {invite(host, "says", role="admin", expires_in=600)
             for _ in range(4)}
    assert len(links) == 4


def test_the_url_of_invites(make):
    """What the configuration says, whatever the broker listens on."""
    d = make.daemon("[broker]\nurl = wss://mesh.example:8443/ws\n")
    create(d, "Far")
    token = invite(d, "far").rsplit("/", 1)[1]
    assert decode(token)["broker_url"] == "wss://mesh.example:8443/ws"


def test_twice(host, guest):
    """Already there: nothing changes.  Another mesh of that name: another
    slug."""
    create(host, "Twice")
    link = invite(host, "twice", [guest], max_uses=0)
    first = join(guest, link)
    assert first.status == 200, first
    r = join(guest, link)
    assert (r.status, r.error) == (409, "already_joined"), r
    held = json.loads((guest.state_dir / "meshes.d" /
                       "twice.json").read_text())
    assert held["pubkey"] == first.json["mesh"]["pubkey"]

    link = invite(host, "local", [guest])
    r = join(guest, link)
    assert (r.status, r.error) == (409, "mesh_exists"), r
    r = join(guest, link, slug="their-local")
    assert r.status == 200 and r.json["mesh"]["slug"] == "their-local", r
    guest.register("there", mesh="their-local")


def test_the_same_daemon(host):
    """A mesh of our own broker cannot be joined over again."""
    create(host, "Own")
    r = join(host, invite(host, "own"))
    assert (r.status, r.error) == (409, "already_joined"), r


def test_names_of_meshes(host):
    assert create(host, "Größe & Co.")["slug"] == "gr-e-co."
    assert create(host, "x", slug="a.b_c-d")["slug"] == "a.b_c-d"
    r = host.api().post("/v1/meshes", {"name": "y", "slug": "a.b_c-d"})
    assert (r.status, r.error) == (409, "mesh_exists"), r
    for slug in ".x", "A", "a b", "a/b", "ä":
        r = host.api().post("/v1/meshes", {"name": "y", "slug": slug})
        assert (r.status, r.error) == (400, "invalid_slug"), (slug, r)
    r = host.api().post("/v1/meshes", {"name": "✓"})
    assert (r.status, r.error) == (400, "invalid_slug"), r


def test_not_for_sessions(host):
    """A session's token does not let others in."""
    s = host.register("agent")
    link = invite(host, "local", max_uses=0)
    for path, body in (("/v1/meshes", {"name": "q"}),
                       ("/v1/meshes/local/invite", {}),
                       ("/v1/meshes/join", {"invite": link})):
        r = s.api.post(path, body)
        assert (r.status, r.error) == (403, "not_for_sessions"), (path, r)


def test_by_the_operator(host, guest):
    r = host.api(admin=True).post("/v1/meshes", {"name": "Ops"})
    assert r.status == 200, r
    r = host.api(admin=True).post("/v1/meshes/ops/invite", {})
    assert r.status == 200, r
    link = secret([host, guest], r.json["invite"])
    r = guest.api(admin=True).post("/v1/meshes/join", {"invite": link})
    assert r.status == 200, r


def test_whose_broker(host, guest):
    create(host, "Elsewhere")
    assert join(guest, invite(host, "elsewhere", [guest])).status == 200
    r = guest.api().post("/v1/meshes/elsewhere/invite", {})
    assert (r.status, r.error) == (409, "not_our_broker"), r
    r = host.api().post("/v1/meshes/nowhere/invite", {})
    assert (r.status, r.error) == (404, "mesh_not_attached"), r


@pytest.mark.parametrize("path,body", [
    ("/v1/meshes", {}), ("/v1/meshes", {"name": ""}),
    ("/v1/meshes", {"name": 7}), ("/v1/meshes", {"name": "x" * 129}),
    ("/v1/meshes", {"name": "a\nb"}),
    ("/v1/meshes", {"name": "x", "slug": "s" * 65}),
    ("/v1/meshes/local/invite", {"role": "owner"}),
    ("/v1/meshes/local/invite", {"role": 1}),
    ("/v1/meshes/local/invite", {"expires_in": 59}),
    ("/v1/meshes/local/invite", {"expires_in": 10 ** 9}),
    ("/v1/meshes/local/invite", {"expires_in": "7d"}),
    ("/v1/meshes/local/invite", {"max_uses": -1}),
    ("/v1/meshes/local/invite", {"max_uses": 1.5}),
    ("/v1/meshes/local/invite", {"revoke": 1}),
    ("/v1/meshes/join", {}), ("/v1/meshes/join", {"invite": ""}),
    ("/v1/meshes/join", {"invite": "x" * 8193}),
    ("/v1/meshes/join", {"invite": "x" * 30, "display_name": "y" * 129}),
])
def test_what_is_refused_at_once(host, path, body):
    r = host.api().post(path, body)
    assert (r.status, r.error) == (400, "invalid_request"), r


@pytest.mark.parametrize("link", [
    "nonsense", "ic://join/", "x" * 30, "https://127.0.0.1/x/y",
    "http://127.0.0.1/join/abc", "ic://join/W10", "ic://join/e30"])
def test_no_link(host, link):
    r = join(host, link)
    assert (r.status, r.error) == (400, "invalid_invite"), r


def test_the_command_refuses(host):
    for args, why in (
            (("invite", "local", "--expires", "7"), "--expires"),
            (("invite", "local", "--expires", "367d"), "--expires"),
            (("invite", "local", "--role", "x"), "--role"),
            (("invite", "local", "--uses", "-1"), "--uses"),
            (("invite", "local", "--revoke", "--uses", "1"), "--revoke")):
        r = host.command("mesh", *args)
        assert r.returncode == 2 and why in r.stderr, (args, r)
    r = host.command("mesh", "join", "nonsense")
    assert r.returncode == 1 and "invite" in r.stderr, r
    r = host.command("mesh", "join", "-", stdin="")
    assert r.returncode == 1, r
    r = host.command("mesh", "create", "local")
    assert r.returncode == 1 and "local" in r.stderr, r


def test_no_broker(make):
    d = make.daemon("[broker]\nenabled = no\n")
    r = d.api().post("/v1/meshes", {"name": "None"})
    assert (r.status, r.error) == (503, "no_embedded_broker"), r


def test_a_mesh_outlives_its_broker_and_gate(make):
    """What was answered is kept: by whichever process that is killed then."""
    d = make.daemon()
    create(d, "Solid")
    link = invite(d, "solid")
    for role in "broker", "gate":
        old = d.kill(role)
        d.wait_restarted(role, old)
    d.register("s", mesh="solid")
    other = make.daemon()
    r = wait_for(lambda: (lambda r: r.status != 502 and r)(
        join(other, secret([other], link))), 20)
    assert r.status == 200, r


# --- other users ---

@pytest.fixture
def other(make):
    """A daemon that serves two more users, and these."""
    d = make.daemon(config=f"[api]\nallow_uids = {ALICE} {BOB}\n")
    return [d, *(make.keep(OtherUser(d, u)) for u in (ALICE, BOB))]


@as_root
def test_a_mesh_is_its_makers(other):
    """Who makes a mesh lets others in; they, and who else is served, do not."""
    d, alice, bob = other
    status, said = alice.ask("POST", "/v1/meshes", {"name": "hers"})
    assert status == 200, said
    alice.register("a", "hers")
    status, said = bob.ask("POST", "/v1/meshes/hers/invite", {"role": "member"})
    assert (status, said["error"]) == (404, "mesh_not_attached")
    status, said = bob.ask("POST", "/v1/meshes", {"name": "hers"})
    assert (status, said["error"]) == (409, "mesh_exists")
    r = d.api().post("/v1/meshes/hers/invite", {"role": "member"})
    assert (r.status, r.error) == (404, "mesh_not_attached"), r

    status, said = alice.ask("POST", "/v1/meshes/hers/invite", {"role": "member"})
    assert status == 200, said
    link = secret([d], said["invite"])
    status, said = bob.ask("POST", "/v1/meshes/join", {"invite": link})
    assert status == 200, said
    bob.register("b", "hers")
    status, said = bob.ask("POST", "/v1/meshes/hers/invite", {"role": "member"})
    assert (status, said["error"]) == (409, "not_our_broker")
    r = d.api(admin=True).post("/v1/meshes/hers/invite", {"role": "member"})
    assert r.status == 200, r
    secret([d], r.json["invite"])


@as_root
def test_everybodys_mesh_is_the_daemons(other):
    """Each user has a member of `local`, and may not let others into it."""
    d, alice, _ = other
    status, said = alice.ask("POST", "/v1/meshes/local/invite", {"role": "member"})
    assert (status, said["error"]) == (403, "not_mesh_owner")
    invite(d, "local")
