// Talks to Vigil with the library `ws`, which is not ours: argument 1 is ws://…, 2 a token.
//
// Ends with 0 when everything is as docs/protocol.md says, else with the assertion that failed.

import assert from "node:assert/strict";
import WebSocket from "ws";

const [BASE, TOKEN] = process.argv.slice(2);
const HEADERS = { Authorization: `Bearer ${TOKEN}` };
const PATIENCE_MS = 60_000;

/** A client whose messages wait until they are asked for. */
class Client {
  constructor(path, protocols = [], options = {}) {
    this.socket = new WebSocket(BASE + path, protocols, { headers: HEADERS, ...options });
    this.waiting = [];
    this.wake = () => {};
    this.socket.on("message", (data, isBinary) => {
      this.waiting.push(isBinary ? data : JSON.parse(data.toString()));
      this.wake();
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
    });
    this.closed = new Promise((resolve) => {
      this.socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  async next() {
    while (this.waiting.length === 0) {
      await within(new Promise((resolve) => { this.wake = resolve; }), "a message");
    }
    return this.waiting.shift();
  }

  async until(kind) {
    for (;;) {
      const frame = await this.next();
      if (frame.type === kind) return frame;
    }
  }

  async ask(frame) {
    this.socket.send(JSON.stringify({ id: "ask", ...frame }));
    for (;;) {
      const answer = await this.next();
      if (answer.reply_to === "ask") return answer;
    }
  }
}

function within(promise, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE_MS);
    promise.then((value) => { clearTimeout(timer); resolve(value); }, reject);
  });
}

async function open(...args) {
  const client = new Client(...args);
  await within(client.opened, "the connection");
  return client;
}

// With compression offered and without: the server chooses, and every message is whole.
async function rooms(perMessageDeflate) {
  const one = await open("/ws", [], { perMessageDeflate });
  const other = await open("/api/v1/ws/chat/node", ["vigil.v1.json", `bearer.${TOKEN}`], { headers: {}, perMessageDeflate });
  assert.equal(other.socket.protocol, "vigil.v1.json");
  assert.equal((await other.until("subscribed")).channel, "chat:node");
  for (const length of [1, 125, 126, 1_023, 1_025, 15_000]) {
    const message = "ü".repeat(Math.floor(length / 2)) + "x".repeat(length % 2);
    const said = await one.ask({ type: "chat", channel: "chat:node", data: { message } });
    assert.equal(said.type, "published", JSON.stringify(said));
    assert.equal((await other.until("chat.message")).data.message, message);
  }
  const pong = new Promise((resolve) => one.socket.once("pong", resolve));
  one.socket.ping("carried");
  assert.equal((await within(pong, "a pong")).toString(), "carried");
  one.socket.close(1000, "done");
  assert.equal((await within(one.closed, "the close")).code, 1000);
  other.socket.terminate();
}

async function fragments() {
  const client = await open("/ws");
  await client.until("welcome");
  client.socket.send('{"id":"ask",', { fin: false });
  client.socket.ping();
  client.socket.send('"type":', { fin: false });
  client.socket.send('"ping"}', { fin: true });
  assert.equal((await client.until("pong")).reply_to, "ask");
  client.socket.send(Buffer.alloc(2 << 20, "x"), { binary: false });
  assert.equal((await within(client.closed, "the close")).code, 1009);
}

async function messagePack() {
  const client = await open("/ws", ["vigil.v1.msgpack"]);
  assert.equal(client.socket.protocol, "vigil.v1.msgpack");
  assert.ok((await client.next()).includes("welcome"));
  client.socket.send(Buffer.from("82a2696407a474797065a470696e67", "hex"));
  assert.ok((await client.next()).includes("pong"));
  client.socket.terminate();
}

async function refused() {
  const client = new Client("/ws", [], { headers: { Authorization: "Bearer nonsense" } });
  await assert.rejects(within(client.opened, "the refusal"), /401/);
  const late = await open("/ws", [], { headers: {} });
  late.socket.send(JSON.stringify({ type: "auth", data: { token: "nonsense" } }));
  const { code, reason } = await within(late.closed, "the close");
  assert.equal(code, 4001);
  assert.equal(JSON.parse(reason).reconnect, false);
}

await rooms(false);
await rooms(true);
await fragments();
await messagePack();
await refused();
