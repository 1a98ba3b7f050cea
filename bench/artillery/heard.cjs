// What each of Artillery's virtual users hears: counted by type, and an error where something is missing.

const PATIENCE_MS = 60_000;

/** How many of each type a user must hear, by what the scenario sends. */
const EXPECTED = { welcome: 1, subscribed: 2, published: 3, "chat.message": 3, status: 1 };

/** Which of them are missing. */
function missing(heard) {
  return Object.keys(EXPECTED).filter((type) => (heard[type] ?? 0) < EXPECTED[type]);
}

exports.listen = (context, events, done) => {
  context.heard = {};
  context.ws.on("message", (data) => {
    const { type, data: said } = JSON.parse(data.toString());
    if (type === "error") events.emit("error", said.code);
    context.heard[type] = (context.heard[type] ?? 0) + 1;
    events.emit("counter", `heard ${type}`, 1);
  });
  done();
};

exports.allHeard = (context, events, done) => {
  const until = Date.now() + PATIENCE_MS;
  const look = () => {
    const left = missing(context.heard);
    if (left.length > 0 && Date.now() < until) return void setTimeout(look, 20);
    if (left.length > 0) events.emit("error", `not heard: ${left.join(", ")}`);
    done();
  };
  look();
};
