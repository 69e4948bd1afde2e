// Two hosts made of the official SDK, each with the bridge of a session, that
// write to each other.  argv: the SDK's directory, a JSON object
// {"command", "args", "hosts": [{"name", "env"}]}.  Prints what they saw.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , sdk, text] = process.argv;
const require = createRequire(pathToFileURL(sdk + "/x.js"));
const load = (name) => import(pathToFileURL(
  require.resolve("@modelcontextprotocol/sdk/" + name)).href);
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");
const plan = JSON.parse(text);
const COUNT = 20;

async function start(host) {
  const client = new Client({ name: host.name, version: "1" });
  host.heard = [];
  client.fallbackNotificationHandler = async (n) => {
    if (n.method === "notifications/claude/channel")
      host.heard.push(n.params);
  };
  await client.connect(new StdioClientTransport({
    command: plan.command, args: plan.args, env: host.env }));
  host.client = client;
}

async function until(what, holds) {
  const end = Date.now() + plan.deadline_ms;
  while (!holds()) {
    if (Date.now() > end)
      throw new Error("not in time: " + what);
    await new Promise((r) => setTimeout(r, 20));
  }
}

const messages = (h) => h.heard.filter((n) => !n.meta.kind);

const [a, b] = plan.hosts;
await Promise.all([start(a), start(b)]);
await until("welcome", () => [a, b].every(
  (h) => h.heard.some((n) => n.meta.kind === "welcome")));
const tools = (await a.client.listTools()).tools.map((t) => t.name);
for (let i = 0; i < COUNT; i++) {
  for (const [from, to] of [[a, b], [b, a]]) {
    const r = await from.client.callTool({ name: "send_message", arguments: {
      to: to.name, message: `${i} from ${from.name}` } });
    if (r.isError)
      throw new Error(r.content[0].text);
  }
  if (i === COUNT / 2) {
    console.log("HALF");        // the test kills something now
    await new Promise((r) => process.stdin.once("data", r));
  }
}
await until("all messages", () => [a, b].every(
  (h) => messages(h).length >= COUNT));
const lists = [(await a.client.listPrompts()).prompts,
  (await a.client.listResources()).resources,
  (await a.client.listResourceTemplates()).resourceTemplates];
console.log(JSON.stringify({ tools, lists,
  heard: [messages(a), messages(b)].map((l) => l.map((n) => n.content)),
  version: a.client.getServerVersion(),
  capabilities: a.client.getServerCapabilities() }));
await Promise.all([a.client.close(), b.client.close()]);
process.exit(0);
