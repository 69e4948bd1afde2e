"""Promise: `meshsup check` finds what a start would stumble over, names file
and line and what to do, and changes nothing: a daemon that runs does not
notice (issue "Sessions that outlive everything but their owner").
"""

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess

import pytest

from harness import Key, Member, prefix, wait_for

ROOT = os.geteuid() == 0


def check(daemon, *extra, binary=None, json_out=True):
    argv = [binary or str(prefix() / "bin" / "meshsup"), "check",
            "--config", str(daemon.config), "--state-dir",
            str(daemon.state_dir), "--run-dir", str(daemon.run_dir),
            *(["--json"] if json_out else []), *extra]
    r = subprocess.run(argv, env=daemon.env, text=True, capture_output=True,
                       timeout=120)
    if not json_out:
        return r
    said = json.loads(r.stdout)
    assert r.returncode == (0 if said["ok"] else 1), r
    assert said["ok"] == (not said["faults"])
    return said["faults"]


def only(faults, path, *words, line=None):
    """The one finding there is: of that file, with these words."""
    assert len(faults) == 1, faults
    assert faults[0]["file"] == str(path), faults
    assert faults[0].get("line") == line, faults
    for w in words:
        assert w in faults[0]["fault"], (w, faults)


def snapshot(*roots):
    """Everything below: names, modes, owners, times, contents."""
    found = {}
    for root in roots:
        for folder, dirs, files in os.walk(root):
            for name in dirs + files:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                what = (st.st_mode, st.st_uid, st.st_ino)
                if name in files and os.path.isfile(path) and \
                        not name.endswith(".log"):
                    with open(path, "rb") as f:
                        what += (st.st_mtime_ns,
                                 hashlib.sha256(f.read()).hexdigest())
                found[path] = what
    return found


@pytest.fixture
def fresh(make):
    """A daemon that was never started."""
    return make.daemon(start=False)


@pytest.fixture(scope="module")
def template(make_shared):
    """The directories of one that ran, with a session, and has stopped."""
    d = make_shared.daemon()
    s = d.register("alice")
    d.stop()
    assert s.pubkey
    return d


@pytest.fixture
def used(make, template):
    d = make.daemon(start=False)
    shutil.copytree(template.state_dir, d.state_dir, symlinks=True)
    os.chmod(d.state_dir, 0o700)
    return d


# --- all is well ---

def test_before_the_first_start(fresh):
    before = snapshot(fresh.root)
    assert check(fresh) == []
    assert snapshot(fresh.root) == before
    assert not fresh.state_dir.exists() and not fresh.run_dir.exists()
    r = check(fresh, json_out=False)
    assert r.returncode == 0 and "all is well" in r.stdout and not r.stderr


def test_after_a_stop(used):
    before = snapshot(used.state_dir)
    assert check(used) == []
    assert snapshot(used.state_dir) == before


def test_while_it_runs(make):
    d = make.daemon(config="[api]\ntcp_port = %d\n" % free_port())
    s = d.register("alice")
    pids = sorted(p["pid"] for p in d.status()["processes"])
    # Nothing is written by itself from here on, but for the log.
    before = snapshot(d.state_dir, d.run_dir)
    assert check(d) == []
    after = snapshot(d.state_dir, d.run_dir)
    assert set(before) == set(after)
    mine = {p for p in before if "sessions.db" in p or "host.key" in p or
            "meshes.d" in p or "/r/" in p}
    assert {p: before[p] for p in mine} == {p: after[p] for p in mine}
    assert sorted(p["pid"] for p in d.status()["processes"]) == pids
    assert s.state() == "open"


def test_after_a_crash(make):
    """The log of sessions.db is still there: it is read, and left alone."""
    d = make.daemon()
    d.register("alice")
    d.kill("supervisor")
    wait_for(lambda: not d.keeper.processes(), 10)
    assert (d.state_dir / "sessions.db-wal").exists()
    before = snapshot(d.state_dir)
    assert check(d) == []
    assert snapshot(d.state_dir) == before


def test_words(fresh):
    r = check(fresh, "--nonsense", json_out=False)
    assert r.returncode == 2
    r = check(fresh, "more", json_out=False)
    assert r.returncode == 2


# --- the configuration ---

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def conf(daemon, text):
    daemon.config.write_text(text)
    return daemon.config


def test_every_line_of_the_configuration(fresh):
    path = conf(fresh, "[daemon]\nlog_level = loud\nwhat\n[api]\n"
                "tcp_port = x\n")
    assert [(f["file"], f["line"]) for f in check(fresh)] == [
        (str(path), 2), (str(path), 3), (str(path), 5)]
    r = check(fresh, json_out=False)
    assert r.returncode == 1
    assert r.stdout.splitlines()[0].startswith(f"{path}:2: log_level: ")


def test_a_configuration_that_is_not_there(fresh):
    fresh.config.unlink()
    only(check(fresh), fresh.config, "No such file")


def test_a_configuration_that_others_can_change(fresh):
    fresh.config.chmod(0o666)
    only(check(fresh), fresh.config, "0666", "chmod go-w")


@pytest.mark.parametrize("where", ["localhost:1", "127.0.0.1", "203.0.113.9:0"])
def test_an_address_to_listen_on(fresh, where):
    path = conf(fresh, f"[broker]\n\nlisten = {where}\n")
    only(check(fresh), path, "listen: ", where, line=3)


def test_a_port_that_is_taken(fresh):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        path = conf(fresh, "[api]\ntcp_port = %d\n" % s.getsockname()[1])
        only(check(fresh), path, "Address already in use", line=2)


def tls(daemon, cert, key):
    return conf(daemon, f"[broker]\ntls_cert = {cert}\ntls_key = {key}\n")


def test_certificates_that_are_right(fresh, authority):
    tls(fresh, authority.cert, authority.key)
    with open(fresh.config, "a") as f:
        f.write(f"[worker]\nca_file = {authority.ca_file}\n")
    assert check(fresh) == []


def test_a_certificate_without_a_key(fresh, authority):
    path = conf(fresh, f"[broker]\ntls_cert = {authority.cert}\n")
    only(check(fresh), path, "set both", line=2)


def test_a_certificate_that_is_none(fresh, authority):
    bad = fresh.root / "bad.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    path = tls(fresh, bad, authority.key)
    only(check(fresh), path, str(bad), "certificates in PEM", line=2)


def test_a_certificate_that_is_missing(fresh, authority):
    path = tls(fresh, fresh.root / "none.pem", authority.key)
    only(check(fresh), path, "No such file", line=2)


def test_the_key_of_another_certificate(fresh, authority):
    other = fresh.root / "other.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                    str(other)], check=True, capture_output=True, timeout=60)
    other.chmod(0o600)
    path = tls(fresh, authority.cert, other)
    only(check(fresh), path, "not the key of", line=3)


def test_a_key_with_a_password(fresh, authority):
    locked = fresh.root / "locked.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-aes256",
                    "-pass", "pass:secret", "-out", str(locked)], check=True,
                   capture_output=True, timeout=60)
    locked.chmod(0o600)
    path = tls(fresh, authority.cert, locked)
    only(check(fresh), path, "without a password", line=3)


def test_a_key_that_everybody_can_read(fresh, authority):
    key = fresh.root / "open.key"
    shutil.copy(authority.key, key)
    key.chmod(0o644)
    path = tls(fresh, authority.cert, key)
    only(check(fresh), path, "0644", "chmod", line=3)


def test_a_ca_file_that_is_none(fresh):
    path = conf(fresh, f"[worker]\nca_file = {fresh.config}\n")
    only(check(fresh), path, "ca_file", "PEM", line=2)


def test_a_log_that_cannot_be(fresh):
    path = conf(fresh, f"[daemon]\nlog_file = {fresh.root}/none/log\n")
    only(check(fresh), path, "log_file", "No such file", line=2)


# --- places ---

def test_a_run_directory_that_is_too_long(fresh):
    r = check(fresh, "--run-dir", str(fresh.root / ("x" * 100)))
    assert len(r) == 1 and "too long for a socket" in r[0]["fault"]


def test_a_state_directory_that_others_can_write_to(used):
    used.state_dir.chmod(0o777)
    faults = check(used)
    assert {f["file"] for f in faults} == {str(used.state_dir)}
    assert any("0777" in f["fault"] and "chmod go-w" in f["fault"]
               for f in faults), faults


def test_a_way_that_others_can_change(fresh):
    fresh.root.chmod(0o777)
    try:
        faults = check(fresh)
    finally:
        fresh.root.chmod(0o755)
    assert faults and {f["file"] for f in faults} == {str(fresh.root)}
    assert all("others can write to it" in f["fault"] for f in faults)


def test_a_file_in_the_place_of_a_directory(fresh):
    fresh.state_dir.write_text("")
    faults = check(fresh)
    fresh.state_dir.unlink()
    assert {f["file"] for f in faults} <= {
        str(fresh.state_dir), str(fresh.state_dir / "host.key"),
        str(fresh.state_dir / "sessions.db")}
    assert any("not a directory" in f["fault"] for f in faults), faults


def test_a_link_of_ours_is_followed(used):
    real = used.root / "real"
    used.state_dir.rename(real)
    used.state_dir.symlink_to(real)
    assert check(used) == []
    real.chmod(0o777)
    assert any(f["file"] in (str(real), str(used.state_dir))
               for f in check(used))


@pytest.mark.skipif(not ROOT, reason="needs to give files away")
def test_a_link_of_another_user(used):
    real = used.root / "real"
    used.state_dir.rename(real)
    used.state_dir.symlink_to(real)
    os.lchown(used.state_dir, 12345, 12345)
    faults = check(used)
    assert any(f["file"] == str(used.state_dir) and "12345" in f["fault"] and
               "symbolic link" in f["fault"] for f in faults), faults


@pytest.mark.skipif(not ROOT, reason="needs to give files away")
def test_a_run_directory_of_another_user(fresh):
    fresh.run_dir.mkdir(mode=0o700)
    os.chown(fresh.run_dir, 12345, 12345)
    only(check(fresh), fresh.run_dir, "12345", "chown")


# --- keys and sessions ---

def test_a_host_key_that_is_missing(used):
    key = used.state_dir / "host.key"
    key.unlink()
    only(check(used), key, "No such file", "restore it from a backup")
    (used.state_dir / "sessions.db").unlink()   # the messages are there
    only(check(used), key, "No such file", "restore it from a backup")
    assert not key.exists()


def test_a_host_key_that_others_can_read(used):
    key = used.state_dir / "host.key"
    key.chmod(0o640)
    only(check(used), key, "0640", "chmod 600")


def test_a_host_key_of_another_host(used):
    key = used.state_dir / "host.key"
    key.write_bytes(os.urandom(32))
    only(check(used), key, "not the host key", "sessions.db")


def test_sessions_that_others_can_read(used):
    db = used.state_dir / "sessions.db"
    db.chmod(0o644)
    only(check(used), db, "0644", "chmod 600")


def test_sessions_of_a_newer_version(used):
    path = used.state_dir / "sessions.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 999")
    db.close()
    only(check(used), path, "newer meshsup", "999")


@pytest.mark.parametrize("name", ["store/mesh.db", "broker/broker.db"])
def test_a_database_of_a_newer_version(used, name):
    path = used.state_dir / name
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 999")
    db.close()
    only(check(used), path, "schema 999", "newer meshsup")


def test_sessions_of_something_else(used):
    path = used.state_dir / "sessions.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA application_id = 5")
    db.close()
    only(check(used), path, "not a registry")


def test_sessions_that_are_damaged(used):
    path = used.state_dir / "sessions.db"
    path.write_bytes(b"no database at all, but something else" * 100)
    only(check(used), path, "restore it from a backup")


def test_a_session_that_is_not_well_formed(used):
    path = used.state_dir / "sessions.db"
    db = sqlite3.connect(path)
    db.execute("UPDATE session SET caps = 'x'")
    db.commit()
    db.close()
    only(check(used), path, "not well-formed")


# --- meshes ---

def mesh(daemon, **changes):
    m = Member("mesh-a", "member-a", slug="acme")
    text = {**m.mesh_file("wss://broker.example/ws"), **changes}
    daemon.state_dir.mkdir(mode=0o700, exist_ok=True)
    folder = daemon.state_dir / "meshes.d"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "acme.json"
    path.write_text(json.dumps(text, indent=1))
    path.chmod(0o600)
    return path


def line_of(path, key):
    return 1 + [f'"{key}"' in x for x in
                path.read_text().splitlines()].index(True)


def test_a_mesh_file_that_is_right(fresh):
    mesh(fresh)
    assert check(fresh) == []


@pytest.mark.parametrize("key,value", [
    ("brokerUrl", "http://broker.example/"), ("slug", "a b"),
    ("secretKey", "00" * 64)])
def test_a_mesh_file_that_is_wrong(fresh, key, value):
    path = mesh(fresh, **{key: value})
    only(check(fresh), path, f'"{key}"', line=line_of(path, key))


def test_a_mesh_file_that_is_no_json(fresh):
    path = mesh(fresh)
    path.write_text("{\n\"slug\": \n}")
    only(check(fresh), path, "not a JSON object", line=3)


def test_a_mesh_file_that_others_can_read(fresh):
    path = mesh(fresh)
    path.chmod(0o644)
    only(check(fresh), path, "0644", "chmod 600")


@pytest.mark.parametrize("started", [False, True])
def test_the_references_configuration(fresh, started):
    path = fresh.root / "config.json"
    path.write_text('{\n"version": 7,\n"meshes": []}')
    path.chmod(0o600)
    conf(fresh, f"[meshes]\nreference_config = {path}\n")
    if started:
        mesh(fresh)
    only(check(fresh), path, '"version" must be 1', line=2)


# --- programs ---

@pytest.fixture
def tree(fresh):
    """A copy of the installed programs."""
    for name in "bin", "libexec":
        shutil.copytree(prefix() / name, fresh.root / name)
    return fresh.root


def test_a_program_that_is_missing(fresh, tree):
    path = tree / "libexec" / "meshsup" / "gate"
    path.unlink()
    only(check(fresh, binary=str(tree / "bin" / "meshsup")), path,
         "No such file", "install meshsup as a whole")


def test_a_program_of_another_build(fresh, tree):
    path = tree / "libexec" / "meshsup" / "store"
    raw = path.read_bytes()
    mark = raw[raw.index(b"@(#)meshsup "):].split(b"\0")[0]
    old = mark.rpartition(b" ")[2]
    other = b"%0*d" % (len(old), (int(old) + 1) % 10 ** len(old))
    assert raw.count(mark + b"\0") == 1
    path.write_bytes(raw.replace(mark + b"\0", mark[:-len(old)] + other +
                                 b"\0"))
    only(check(fresh, binary=str(tree / "bin" / "meshsup")), path,
         f"protocol {int(other)}", "install meshsup as a whole")


def test_a_program_that_is_something_else(fresh, tree):
    path = tree / "libexec" / "meshsup" / "worker"
    path.write_text("#!/bin/sh\n")
    only(check(fresh, binary=str(tree / "bin" / "meshsup")), path,
         "not a program of meshsup")


def test_no_secret_is_shown(used):
    secret = Key()
    path = mesh(used, pubkey=secret.pub, secretKey="zz" + secret.secret[2:])
    text = check(used, json_out=False).stdout
    assert str(path) in text and secret.secret[2:] not in text
