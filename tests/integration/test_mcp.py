"""Promise: `meshsup mcp` is a server of the Model Context Protocol on its
standard input and output: it speaks every published version, tells a host of
messages as they come, and its tools say truly what was done (issue "The bridge
to the agents").
"""

import json
import re

import pytest

from harness import Key, wait_for
from harness.asserts import arrived
from harness.mcphost import RpcError, bridge

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
TOOLS = {"send_message", "check_messages", "list_peers", "message_status",
         "set_summary", "set_status", "get_state", "set_state", "remember",
         "recall", "join_group", "leave_group"}


@pytest.fixture
def host(make, daemon, bob):
    """Bob's, whose inbox is read."""
    bob.inbox("limit=1000")
    return bridge(make, daemon, bob)


# --- the protocol ---

@pytest.mark.parametrize("version", VERSIONS)
def test_versions(make, daemon, bob, version):
    hello = bridge(make, daemon, bob, version=version).hello
    assert hello["protocolVersion"] == version
    assert hello["capabilities"] == {
        "tools": {}, "prompts": {}, "resources": {},
        "experimental": {"claude/channel": {}}}
    assert hello["serverInfo"]["name"] == "meshsup"
    assert "send_message" in hello["instructions"]


@pytest.mark.parametrize("version", ["1999-01-01", "", 7, None])
def test_an_unknown_version_is_offered_the_newest(make, daemon, bob, version):
    hello = bridge(make, daemon, bob, version=version).hello
    assert hello["protocolVersion"] == VERSIONS[-1]


def test_ping_and_ids_of_every_kind(host):
    for id in 1, 0, -5, 2 ** 53, 1.5, "a", "", "ü\u0000\"":
        host.put({"jsonrpc": "2.0", "id": id, "method": "ping"})
        m = host.wait(lambda m: m.get("id") == id and
                      m.get("result") == {})
        assert m == {"jsonrpc": "2.0", "id": id, "result": {}}


def faults(host):
    return [m["error"]["code"] for m in host.messages
            if isinstance(m, dict) and m.get("id", 0) is None]


@pytest.mark.parametrize("line, code", [
    (b"{", -32700), (b"hello", -32700), (b"\xff\xfe", -32700),
    (b'{"a":1,"a":2}', -32700), (b"[" * 100000, -32700),
    (b"1", -32600), (b'"x"', -32600), (b"null", -32600), (b"{}", -32600),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"a\\u0000b"}', -32600),
    (b'{"jsonrpc":"2.0","id":1}', -32600), (b"[]", -32600),
])
def test_what_is_no_request(host, line, code):
    host.write(line + b"\n")
    wait_for(lambda: faults(host) == [code], 10)
    assert host.call("ping") == {}


def test_a_line_that_is_too_long(host):
    """It is refused, and the next one counts."""
    big = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping",
                      "params": {"x": "y" * (4 << 20)}}).encode()
    host.write(big + b"\n")
    wait_for(lambda: faults(host) == [-32600], 20)
    assert host.call("ping") == {}
    assert host.call("ping", x="y" * ((4 << 20) - 200)) == {}


def test_lines_in_pieces_and_empty_ones(host):
    for b in b'\n\r\n  \n{"jsonrpc":"2.0","id":"p","method":"ping"}\r\n':
        host.write(bytes([b]))
    host.answer("p")
    assert faults(host) == []


@pytest.mark.parametrize("method", ["no", "tools/no", "", "x" * 5000])
def test_an_unknown_method(host, method):
    with pytest.raises(RpcError) as e:
        host.call(method)
    assert e.value.code == -32601


def test_params_must_be_an_object(host):
    host.put({"jsonrpc": "2.0", "id": 77, "method": "ping", "params": [1]})
    with pytest.raises(RpcError) as e:
        host.answer(77)
    assert e.value.code == -32602


def test_notifications_and_answers_get_no_answer(host):
    host.notify("notifications/anything")
    host.notify("tools/list")
    host.put({"jsonrpc": "2.0", "id": 5, "result": {}},
             {"jsonrpc": "2.0", "id": 6, "error": {"code": 1, "message": ""}})
    before = len(host.messages)
    assert host.call("ping") == {}
    new = [m for m in host.messages[before:] if "method" not in m]
    assert len(new) == 1


def test_batches_where_the_version_has_them(make, daemon, bob):
    """One line with all answers, whatever the order in which they came."""
    host = bridge(make, daemon, bob, version="2025-03-26")
    host.put([{"jsonrpc": "2.0", "id": "a", "method": "tools/call",
               "params": {"name": "list_peers"}},
              {"jsonrpc": "2.0", "method": "notifications/x"},
              {"jsonrpc": "2.0", "id": "b", "method": "ping"},
              {"jsonrpc": "2.0", "id": "c", "method": "no"}, 7])
    m = host.wait(lambda m: isinstance(m, list))
    assert sorted(str(x.get("id")) for x in m) == ["None", "a", "b", "c"]
    host.put([{"jsonrpc": "2.0", "method": "notifications/x"}])
    assert host.call("ping") == {}
    assert len([m for m in host.messages if isinstance(m, list)]) == 1
    host.put([])
    wait_for(lambda: faults(host) == [-32600], 10)


def test_no_batches_in_later_versions(host):
    host.put([{"jsonrpc": "2.0", "id": "a", "method": "ping"}])
    wait_for(lambda: faults(host) == [-32600], 10)


def test_a_cancelled_request_is_not_answered(host, alice):
    """And takes nobody's turn: a hundred waits are dropped like one."""
    ids = [host.ask("tools/call", name="message_status", arguments={
        "client_message_id": c, "wait": "delivered", "timeout_seconds": 60})
        for c in [sent_to_nobody(host)] * 60]
    for id in ids:
        host.notify("notifications/cancelled", requestId=id, reason="test")
    host.notify("notifications/cancelled", requestId="never asked")
    assert "on the mesh" in host.tool("list_peers")
    assert not [m for m in host.messages if m.get("id") in ids]


def sent_to_nobody(host):
    text = host.tool("send_message", to=Key().pub, message="for nobody",
                     wait="accepted")
    return re.search(r"Message (\S+)", text)[1]


# --- tools ---

def test_tools_are_listed(host):
    tools = {t["name"]: t for t in host.call("tools/list")["tools"]}
    assert set(tools) == TOOLS
    for t in tools.values():
        schema = t["inputSchema"]
        assert schema["type"] == "object" and t["description"]
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
        for name, p in schema["properties"].items():
            assert p["description"], (t["name"], name)
    assert tools["send_message"]["inputSchema"]["required"] == [
        "to", "message"]


def test_an_unknown_tool(host):
    for name in "nothing", "", None:
        with pytest.raises(RpcError) as e:
            host.call("tools/call", name=name, arguments={})
        assert e.value.code == -32602


@pytest.mark.parametrize("tool, args, word", [
    ("send_message", {"message": "x"}, "to is missing"),
    ("send_message", {"to": "alice"}, "message is missing"),
    ("send_message", {"to": "alice", "message": ""}, "message must have"),
    ("send_message", {"to": 7, "message": "x"}, "to must be text"),
    ("send_message", {"to": "a\0b", "message": "x"}, "to must be text"),
    ("send_message", {"to": "alice", "message": "x", "priority": "high"},
     "now|next|low"),
    ("send_message", {"to": "alice", "message": "x", "text": "y"},
     "no argument of the name text"),
    ("send_message", {"to": "alice", "message": "x", "timeout_seconds": 61},
     "0 to 60"),
    ("check_messages", {"limit": "5"}, "whole number"),
    ("check_messages", {"include_seen": 1}, "true or false"),
    ("remember", {"content": "x", "tags": "y"}, "list"),
    ("set_status", {"status": "busy"}, "idle|working|dnd"),
    ("set_state", {"key": "x", "value": None}, "value is missing"),
    ("set_state", [], "must be an object"),
    ("list_peers", {"mesh": "x"}, "it takes nothing"),
])
def test_wrong_arguments_are_told_to_the_model(host, tool, args, word):
    r = host.call("tools/call", name=tool, arguments=args)
    assert r["isError"] is True
    text = r["content"][0]["text"]
    assert text.startswith(tool) and word in text, text


def test_send_message(host, alice, bob):
    text = host.tool("send_message", to="alice", message="hello ü\n2",
                     priority="now", reply_to="an-id", wait="delivered")
    assert alice.pubkey in text and "delivered" in text, text
    got = arrived(alice, "hello ü\n2")
    assert got["priority"] == "now" and got["reply_to_id"] == "an-id"
    assert got["sender_pubkey"] == bob.pubkey
    id = re.search(r"Message (\S+) to alice", text)[1]
    assert got["client_message_id"] == id
    assert "delivered" in host.tool("message_status", client_message_id=id)
    # Repeated by its id, it is one message.
    again = host.tool("send_message", to="alice", message="hello ü\n2",
                      priority="now", reply_to="an-id",
                      client_message_id=id)
    assert id in again
    rows = [r for r in bob.outbox() if r["client_message_id"] == id]
    assert len(rows) == 1


def test_what_waits_says_why(host, alice):
    """Nobody of that key is on line: it is stored, and that is said."""
    text = host.tool("send_message", to=Key().pub, message="into the dark",
                     timeout_seconds=20, wait="accepted")
    assert "safely stored" in text
    id = re.search(r"Message (\S+)", text)[1]

    def refused():
        t = host.tool("message_status", client_message_id=id)
        return "not sent yet" in t and "no connected peer" in t or \
            "not delivered yet" in t
    wait_for(refused, 15)


def test_refusals_help(host, alice, bob):
    assert "list_peers" in host.tool_error(
        "send_message", to="nobody-here", message="x")
    assert "yourself" in host.tool_error(
        "send_message", to=bob.pubkey, message="x")
    assert "Send it in parts" in host.tool_error(
        "send_message", to="alice", message="x" * 65000)
    assert "row_not_found" in host.tool_error(
        "message_status", client_message_id="never")


def test_an_ambiguous_name_lists_whom_it_could_mean(host, daemon):
    twins = [daemon.register("twin", cwd=f"/tmp/{i}") for i in range(2)]
    text = host.tool_error("send_message", to="twin", message="x")
    for t in twins:
        assert t.pubkey in text


def test_list_peers(host, alice, bob):
    text = host.tool("list_peers")
    assert f"alice, idle, key {alice.pubkey}" in text
    assert re.search(rf"bob \(yourself\), \w+, key {bob.pubkey}", text)


def test_how_one_is_seen(host, alice, bob):
    def seen():
        peers = alice.api.get("/v1/peers").json["peers"]
        return [p for p in peers if p["pubkey"] == bob.pubkey][0]
    host.tool("set_summary", summary="reviewing\nthe parser")
    wait_for(lambda: seen()["summary"] == "reviewing\nthe parser", 10)
    host.tool("set_status", status="working")
    wait_for(lambda: seen()["status"] == "working", 10)
    host.tool("join_group", group="@reviewers", role="lead")
    wait_for(lambda: "reviewers" in str(seen()["groups"]), 10)
    assert "@reviewers:lead" in host.tool("list_peers")
    host.tool("leave_group", group="reviewers")
    wait_for(lambda: "reviewers" not in str(seen()["groups"]), 10)
    host.tool("set_status", status="idle")
    assert "invalid" in host.tool_error("join_group", group="no good!")


def test_state(host, alice):
    assert host.tool("get_state", key="mcp-none") == "It is not set."
    host.tool("set_state", key="mcp-k", value={"a": [1, "ü"]})
    wait_for(lambda: host.tool("get_state", key="mcp-k").startswith(
        'mcp-k = {"a":[1,"ü"]}'), 10)
    host.tool("set_state", key="mcp-f", value=False)
    wait_for(lambda: "mcp-f = false" in host.tool("get_state"), 10)


def test_memory(host):
    text = host.tool("remember", content="the build needs autoconf",
                     tags=["build"])
    id = re.search(r"Remembered, as (\S+)\.", text)[1]
    found = host.tool("recall", query="autoconf")
    assert id in found and "the build needs autoconf" in found
    assert "build" in found
    assert host.tool("recall", query="zebra-nowhere") == "Nothing was found."


def test_skills_are_prompts_and_resources(host, alice):
    name = "code review/ü"
    r = alice.api.request("PUT", "/v1/skills/code%20review%2F%C3%BC", {
        "description": "how we review", "instructions": "# Look twice\n"})
    assert r.status == 200, r
    uri = "skill://meshsup/code%20review%2F%C3%BC"
    assert {"name": name, "description": "how we review",
            "arguments": []} in host.call("prompts/list")["prompts"]
    assert {"uri": uri, "name": name, "description": "how we review",
            "mimeType": "text/markdown"} in host.call(
                "resources/list")["resources"]
    assert host.call("resources/read", uri=uri)["contents"] == [
        {"uri": uri, "mimeType": "text/markdown", "text": "# Look twice\n"}]
    assert host.call("prompts/get", name=name)["messages"] == [
        {"role": "user", "content": {"type": "text",
                                     "text": "# Look twice\n"}}]
    template, = host.call("resources/templates/list")["resourceTemplates"]
    assert template["uriTemplate"] == "skill://meshsup/{name}"


@pytest.mark.parametrize("method, params, code", [
    ("prompts/get", {"name": "no-such-skill"}, -32602),
    ("prompts/get", {}, -32602),
    ("resources/read", {"uri": "skill://meshsup/no-such-skill"}, -32002),
    ("resources/read", {"uri": "skill://meshsup/"}, -32002),
    ("resources/read", {"uri": "skill://meshsup/%zz"}, -32002),
    ("resources/read", {"uri": "file:///etc/passwd"}, -32002),
    ("resources/read", {}, -32602),
])
def test_skills_that_are_not_there(host, method, params, code):
    with pytest.raises(RpcError) as e:
        host.call(method, **params)
    assert e.value.code == code
