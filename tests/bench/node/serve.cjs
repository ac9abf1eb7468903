// A server of the ocpp-rpc package: strict validation both ways, canned answers, nothing stored.
// Prints its port as one line of JSON and ends with its standard input.
"use strict";

const { RPCServer } = require("ocpp-rpc");

const NOW = "2026-10-15T12:00:00Z";
const ACCEPTED = { status: "Accepted" };
const BOOTED = { status: "Accepted", currentTime: NOW, interval: 300 };
const ANSWERS = {
  "ocpp1.6": {
    BootNotification: BOOTED,
    StatusNotification: {},
    Heartbeat: { currentTime: NOW },
    Authorize: { idTagInfo: ACCEPTED },
    StartTransaction: { transactionId: 1000001, idTagInfo: ACCEPTED },
    MeterValues: {},
    StopTransaction: { idTagInfo: ACCEPTED },
  },
  "ocpp2.0.1": {
    BootNotification: BOOTED,
    StatusNotification: {},
    Heartbeat: { currentTime: NOW },
    Authorize: { idTokenInfo: ACCEPTED },
    TransactionEvent: { idTokenInfo: ACCEPTED },
  },
};

const protocol = process.argv[2];
const server = new RPCServer({ protocols: [protocol], strictMode: true, pingIntervalMs: 0 });
server.auth((accept) => accept({}, protocol));
server.on("client", (client) => {
  for (const [action, answer] of Object.entries(ANSWERS[protocol])) {
    client.handle(action, () => answer);
  }
});
server.listen(0, "127.0.0.1").then((http) => {
  process.stdout.write(JSON.stringify({ port: http.address().port }) + "\n");
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
