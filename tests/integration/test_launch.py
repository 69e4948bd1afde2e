"""Promise: `meshsup launch` runs a command as a session: the token is in a
private file that only the command's environment names, the session lives and
ends with the command, and signals and the exit status pass through (issue
"Sessions that outlive everything but their owner").
"""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import time

import pytest

from harness import SLOW, wait_for


@pytest.fixture(scope="module")
def daemon(make_shared):
    d = make_shared.daemon()
    d.tmp = d.root / "runtime"
    d.tmp.mkdir(0o700)
    d.env["XDG_RUNTIME_DIR"] = str(d.tmp)
    return d


def launch(daemon, *args, **kw):
    return daemon.command("launch", *args, **kw)


def signals_of_a_shell():
    """Who runs the tests in the background may have them ignored, and a shell
    cannot trap what was ignored when it began."""
    for s in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
        signal.signal(s, signal.SIG_DFL)


class Launched:
    """A launch that runs until it is told otherwise."""

    def __init__(self, daemon, *args, **kw):
        self.p = subprocess.Popen(
            daemon.argv("launch", *args), env=daemon.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=signals_of_a_shell, **kw)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.kill()
        self.p.communicate()

    def line(self):
        assert select.select([self.p.stdout], [], [], 20 * SLOW)[0], "silent"
        return self.p.stdout.readline().rstrip("\n")

    def wait(self):
        return self.p.wait(20 * SLOW)


def names(daemon):
    out = json.loads(daemon.ms("session", "list", "--json"))
    return {s["displayName"]: s for s in out["sessions"]
            if s["state"] not in ("draining", "ended")}


def no_leftovers(daemon):
    assert list(daemon.tmp.iterdir()) == []


def test_the_command_is_a_session(daemon):
    """Its verbs speak for it, with no word said about it."""
    r = launch(daemon, "--name", "worker", "--role", "r", "--groups",
               "@a:x,b", "--caps", "dm,state-read", "--", "sh", "-c",
               'echo "$MESHSUP_TOKEN_FILE"; echo "$CLAUDEMESH_IPC_TOKEN_FILE";'
               'echo "$MESHSUP_RUN_DIR"; stat -c "%a %A" '
               '"$MESHSUP_TOKEN_FILE" "${MESHSUP_TOKEN_FILE%/*}";'
               'cat "$MESHSUP_TOKEN_FILE" >&2; echo $$; cat')
    assert r.returncode == 0, r
    path, same, run_dir, file_mode, dir_mode, pid = r.stdout.split("\n")[:6]
    assert path == same and pathlib.Path(path).is_relative_to(daemon.tmp)
    assert run_dir == str(daemon.run_dir)
    assert file_mode.split()[0] == "600" and dir_mode.split()[0] == "700"
    token = r.stderr.split()[0]
    assert len(token) == 64
    daemon.secrets.add(token)
    no_leftovers(daemon)
    # Its end was the session's.
    assert daemon.api(token).get("/v1/sessions/me").status == 401


def test_it_is_listed_while_it_runs(daemon):
    with Launched(daemon, "--name", "here", "--caps", "dm", "sh", "-c",
                  "echo $$; exec sleep 600") as run:
        pid = int(run.line())
        s = names(daemon)["here"]
        assert s["pid"] == pid and s["caps"] == ["dm"]
        os.kill(pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    wait_for(lambda: "here" not in names(daemon), 10)
    no_leftovers(daemon)


def test_the_session_ends_with_the_command_also_without_launch(daemon):
    with Launched(daemon, "--name", "orphan", "sh", "-c",
                  "echo $$; exec sleep 600") as run:
        pid = int(run.line())
        run.p.kill()
        run.wait()
        try:
            assert names(daemon)["orphan"]["pid"] == pid
        finally:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "orphan" not in names(daemon), 10)
    for left in daemon.tmp.iterdir():       # nobody was there to do it
        (left / "token").unlink()
        left.rmdir()


def test_verbs_in_it_find_the_session(daemon):
    prog = daemon.argv("version")[0]
    r = launch(daemon, "--name", "self", "--", "sh", "-c",
               f'"{prog}" send --id own-1 "*" hello >&2; '
               f'"{prog}" outbox list --json')
    assert r.returncode == 0, r
    rows = json.loads(r.stdout)["items"]
    assert [i["client_message_id"] for i in rows] == ["own-1"]


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_status(daemon, code):
    r = launch(daemon, "sh", "-c", f"exit {code}")
    assert r.returncode == code and r.stderr == ""
    no_leftovers(daemon)


def test_options_of_the_command_are_its_own(daemon):
    r = launch(daemon, "echo", "--name", "x", "--", "-y")
    assert r.stdout == "--name x -- -y\n"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT,
                                 signal.SIGHUP, signal.SIGUSR1])
def test_signals_go_to_the_command(daemon, sig):
    name = sig.name[3:]
    script = (f"trap 'echo got {name}; exit 7' {name}; echo ready; "
              "while :; do sleep 0.01; done")
    with Launched(daemon, "--name", "trap", "sh", "-c", script) as run:
        assert run.line() == "ready"
        run.p.send_signal(sig)
        assert run.line() == f"got {name}"
        assert run.wait() == 7
    no_leftovers(daemon)


def test_it_ends_by_the_signal_that_ended_the_command(daemon):
    with Launched(daemon, "sh", "-c", "echo ready; exec sleep 600") as run:
        run.line()
        run.p.terminate()
        assert run.wait() == -signal.SIGTERM


def test_a_key_of_the_terminal_comes_once(daemon):
    """^C reaches the whole foreground group: launch adds no second one."""
    script = ("import signal, time\nn = 0\n"
              "def f(*a):\n    global n\n    n += 1\n"
              "signal.signal(signal.SIGINT, f)\n"
              "print('ready', flush=True)\n"
              "end = time.monotonic() + 600\n"
              "while n == 0 and time.monotonic() < end: time.sleep(0.01)\n"
              "time.sleep(0.5)\nprint('n =', n, flush=True)\n")
    pid, fd = os.forkpty()
    if pid == 0:
        os.execve(daemon.argv("launch")[0], daemon.argv(
            "launch", "/usr/bin/python3", "-c", script), daemon.env)
    try:
        out = b""
        end = time.monotonic() + 30 * SLOW
        while b"ready" not in out and time.monotonic() < end:
            out += os.read(fd, 4096)
        os.write(fd, b"\x03")
        while b"n =" not in out and time.monotonic() < end:
            out += os.read(fd, 4096)
        assert b"n = 1" in out, out
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(fd)
    assert os.waitstatus_to_exitcode(status) == 0


@contextlib.contextmanager
def on_a_terminal(argv, env):
    """As the first process of a terminal of its own: the terminal, and what
    hangs up and says the exit status."""
    pid, fd = os.forkpty()
    if pid == 0:
        signals_of_a_shell()
        os.execve(argv[0], argv, env)
    code = None

    def end():
        nonlocal code, fd
        os.close(fd)
        fd = -1
        wait_for(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG |
                                   os.WNOWAIT), 30)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code

    try:
        yield fd, end
    finally:
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        if fd != -1:
            os.close(fd)


def read_until(fd, text):
    out = b""
    end = time.monotonic() + 30 * SLOW
    while text not in out:
        left = max(0, end - time.monotonic())
        assert select.select([fd], [], [], left)[0], out
        out += os.read(fd, 4096)
    return out


def test_a_terminal_that_goes_away_is_told(daemon):
    """The kernel tells only the terminal's first process, which is launch
    where it was started by ssh or a terminal window."""
    # Not through the terminal, which is gone by then; and not for ever.
    script = ("trap 'exit 9' HUP; echo ready; i=0; "
              "while [ $i -lt 20000 ]; do sleep 0.01; i=$((i+1)); done")
    with on_a_terminal(daemon.argv("launch", "--name", "far", "sh", "-c",
                                   script), daemon.env) as (fd, hang_up):
        read_until(fd, b"ready")
        assert hang_up() == 9
    wait_for(lambda: "far" not in names(daemon), 10)
    no_leftovers(daemon)


# A shell with job control, as far as it matters here.
JOB_CONTROL = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(pid, os.WUNTRACED)
assert os.WIFSTOPPED(status), status
print("prompt", flush=True)
os.kill(-pid, signal.SIGCONT)
_, status = os.waitpid(pid, os.WUNTRACED)
print("ended", os.waitstatus_to_exitcode(status), flush=True)
"""


def test_a_command_that_stops_itself_gives_the_prompt_back(daemon):
    """Programs that read the keys themselves answer ^Z so."""
    with on_a_terminal(
            ["/usr/bin/python3", "-c", JOB_CONTROL] +
            daemon.argv("launch", "sh", "-c", "kill -STOP $$; exit 8"),
            daemon.env) as (fd, _):
        read_until(fd, b"prompt")
        read_until(fd, b"ended 8")


def test_what_cannot_be_run(daemon):
    r = launch(daemon, "/nonexistent/program")
    assert r.returncode == 127 and "No such file" in r.stderr
    r = launch(daemon, "/etc/passwd")
    assert r.returncode == 126 and "Permission denied" in r.stderr
    no_leftovers(daemon)
    assert launch(daemon).returncode == 2


def test_what_is_refused_is_not_run(daemon):
    r = launch(daemon, "--mesh", "nowhere", "echo", "ran")
    assert r.returncode == 1 and r.stdout == "", r
    assert "mesh_not_attached" in r.stderr
    r = launch(daemon, "--caps", "fly", "echo", "ran")
    assert r.returncode == 1 and r.stdout == "" and "invalid_caps" in r.stderr
    r = subprocess.run([daemon.argv("version")[0], "launch", "--run-dir",
                        str(daemon.root / "none"), "echo", "ran"],
                       env=daemon.env, capture_output=True, text=True)
    assert r.returncode == 3 and r.stdout == ""
    no_leftovers(daemon)


def has_child(pid):
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                return True
    return False


def test_interrupted_while_nobody_answers(daemon):
    """^C is not kept waiting by a daemon that is."""
    gate = daemon.kill("gate", sig=signal.SIGSTOP)
    try:
        with Launched(daemon, "echo", "ran", start_new_session=True) as run:
            wait_for(lambda: has_child(run.p.pid), 5)
            os.killpg(run.p.pid, signal.SIGINT)
            assert run.wait() == 1
            assert run.p.stdout.read() == ""
            assert "interrupted" in run.p.stderr.read()
    finally:
        os.kill(gate, signal.SIGCONT)
    no_leftovers(daemon)


def test_capabilities_are_explained(daemon):
    r = launch(daemon, "--caps", "?")
    assert r.returncode == 0
    told = {line.split()[0] for line in r.stdout.splitlines()[1:]}
    assert told == {"dm", "broadcast", "state-read", "state-write", "grant",
                    "kick", "ban", "profile-write", "service-deploy"}
    assert daemon.ms("session", "register", "--caps", "?") == r.stdout


def test_a_stale_token_file_says_so(daemon):
    """Never another session's, nor the member's scope."""
    r = launch(daemon, "sh", "-c",
               'cp "$MESHSUP_TOKEN_FILE" ' f'"{daemon.root}/stale"')
    assert r.returncode == 0, r
    for verb in (["inbox"], ["send", "*", "hello"], ["outbox", "list"]):
        r = daemon.command(*verb,
                           env={"MESHSUP_TOKEN_FILE":
                                f"{daemon.root}/stale"})
        assert r.returncode == 1 and r.stdout == "", verb
        assert "session has ended" in r.stderr, r.stderr
    r = daemon.command("inbox", env={"MESHSUP_TOKEN_FILE": "/nonexistent"})
    assert r.returncode == 1 and "/nonexistent" in r.stderr
