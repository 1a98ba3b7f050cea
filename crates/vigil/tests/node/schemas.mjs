// Validates what Vigil says, and what it is told, against its own AsyncAPI document with the library `ajv`,
// which is not ours: arguments ws://…, the tokens of an analyst, of an admin and of one that ends within a
// minute, and the server's process, which it ends. An alert must be there.
//
// Ends with 0 when every frame fits and every message of the document was seen.

import assert from "node:assert/strict";
import Ajv from "ajv";
import WebSocket from "ws";

const [BASE, ANALYST, ADMIN, ENDING, PROCESS] = process.argv.slice(2);
const PATIENCE_MS = 60_000;
const HTTP = BASE.replace("ws://", "http://");

const answer = await fetch(`${HTTP}/asyncapi.json`, { headers: { Authorization: `Bearer ${ANALYST}` } });
const DOCUMENT = await answer.json();
// Strict: a word in a schema that means nothing is an error, and not passed over.
const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
ajv.addVocabulary(Object.keys(DOCUMENT));
ajv.addSchema(DOCUMENT, "vigil");
const unseen = new Set(Object.keys(DOCUMENT.components.messages));

function fitting(name, frame) {
  assert.ok(DOCUMENT.components.messages[name], `${name} is not in the document: ${JSON.stringify(frame)}`);
  const validate = ajv.getSchema(`vigil#/components/messages/${name}/payload`);
  assert.ok(validate(frame), `${name}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(frame)}`);
  unseen.delete(name);
}

// What does not fit is found.
assert.throws(() => fitting("server.gap", { type: "gap", data: {} }), /required/);
assert.throws(() => fitting("client.ping", { type: "ping", id: {} }), /string/);

/** A client whose every frame is held against the document. */
class Client {
  constructor(path, token) {
    this.socket = new WebSocket(BASE + path, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
    this.waiting = [];
    this.wake = () => {};
    this.opened = new Promise((resolve, reject) => {
      this.socket.once("open", resolve);
      this.socket.once("error", reject);
    });
    this.socket.on("message", (data) => {
      const frame = JSON.parse(data.toString());
      fitting(Number.isInteger(frame.offset) ? "server.publication" : `server.${frame.type}`, frame);
      this.waiting.push(frame);
      this.wake();
    });
  }

  async until(is) {
    for (;;) {
      while (this.waiting.length === 0) {
        await within(new Promise((resolve) => { this.wake = resolve; }), `a frame where ${is}`);
      }
      const frame = this.waiting.shift();
      if (is(frame)) return frame;
    }
  }

  async ask(type, rest = {}) {
    const frame = { id: "ask", type, ...rest };
    fitting(`client.${type}`, frame);
    this.socket.send(JSON.stringify(frame));
    return this.until((answer) => answer.reply_to === "ask");
  }
}

function within(promise, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE_MS);
    promise.then((value) => { clearTimeout(timer); resolve(value); }, reject);
  });
}

async function open(path, token) {
  const client = new Client(path, token);
  await within(client.opened, "the connection");
  return client;
}

async function post(path, body) {
  const response = await fetch(HTTP + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
}

const one = await open("/ws");
await one.ask("auth", { data: { token: ANALYST } });
const welcome = await one.until((frame) => frame.type === "welcome");
const room = "chat:schemas";
await one.ask("subscribe", { channel: room, data: { durable: "desk", filter: { severity: "informational" } } });
await one.ask("typing", { channel: room, data: { typing: true } });
const said = await one.ask("chat", { channel: room, data: { message: "hi", idempotency_key: "k" } });
await one.ask("publish", { channel: room, data: { type: "message", severity: "low", data: { a: [1] } } });
await one.ask("presence", { channel: room });
await one.ask("history", { channel: room, data: { limit: 1, since: { last: 9 } } });
await one.ask("ack", { channel: room, data: { durable: "desk", offset: said.data.position.offset } });
await one.ask("status");
await one.ask("ping");
await one.ask("unsubscribe", { channel: room });
const other = { since: { epoch: "other", offset: 1 }, batch: { max_wait_ms: 50, max_messages: 10 } };
await one.ask("subscribe", { channel: room, data: other });
await one.until((frame) => frame.type === "batch");
await one.ask("subscribe", { channel: "investigations:*" });
const alerts = await open("/ws/alerts?last=1", ANALYST);
const alert = await alerts.until((frame) => frame.type.startsWith("alert."));
await alerts.ask("acknowledge", { data: { alert_id: alert.data.id } });
assert.equal((await alerts.ask("subscribe", { channel: "nowhere" })).type, "error");
await post(`/ws/notify/${welcome.data.connection_id}`, { message: "hello" });
await one.until((frame) => frame.type === "notification");
const ending = await open("/ws/status", ENDING);
await ending.until((frame) => frame.type === "expiring");
process.kill(Number(PROCESS), "SIGTERM");
await alerts.until((frame) => frame.type === "ping");

assert.deepEqual([...unseen], [], "messages of the document that did not come");
