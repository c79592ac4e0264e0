// One connection, its server played by the test: replies go to the commands in their order, and what cannot be read ends it.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BulkCache } from "../../../dataplane/redis/bulk-cache.ts";
import {
  type CommandReply,
  createCommand,
  createLoadedScript,
  createScriptCommand,
} from "../../../dataplane/redis/command.ts";
import { Wire } from "../../../dataplane/redis/wire.ts";
import { eventually } from "../../helpers/clock.ts";

let server: Server;
let client: Socket;
let peer: Socket;
let wire: Wire;
let received: string;
let misplaced: number;
let errors: string[];
let closeAll: () => void;

async function open(silenceMs?: number): Promise<void> {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  client = connect(portOf(server.address()), "127.0.0.1");
  peer = await accepted;
  received = "";
  misplaced = 0;
  errors = [];
  peer.on("data", (bytes: Buffer) => (received += bytes.toString()));
  peer.on("error", () => {});
  client.on("error", ({ message }) => errors.push(message));
  const opened = new Wire(client, {
    bulks: new BulkCache(),
    silenceMs,
    isMisplaced: ({ message }) => message.startsWith("READONLY"),
    misplaced: () => (misplaced += 1),
  });
  client.on("close", () => {
    opened.end();
  });
  wire = opened;
  const opens = [client, peer];
  const listening = server;
  closeAll = (): void => {
    for (const socket of opens) socket.destroy();
    listening.close();
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function get(key: string): CommandReply[] {
  const replies: CommandReply[] = [];
  wire.send(createCommand("get", [key], (reply) => replies.push(reply)));
  return replies;
}

beforeEach(() => open());
afterEach(() => {
  closeAll();
});

test("[unit] replies go to the commands in their order, errors too", async () => {
  const replies = ["a", "b", "c"].map(get);
  peer.write("$1\r\nx\r\n-ERR no\r\n$-1\r\n");
  await eventually("all are answered", () => replies.every((each) => each.length === 1));
  expect(replies.flat()).toMatchObject([
    { kind: "value", value: "x" },
    { kind: "failure", cause: "answered", error: { message: "ERR no" } },
    { kind: "value", value: null },
  ]);
});

test("[unit] what is sent between cork and uncork leaves together", async () => {
  wire.cork();
  get("a");
  get("b");
  expect(client.bytesWritten).toBe(0);
  wire.uncork();
  await eventually("it arrives", () => received === "*2\r\n$3\r\nget\r\n$1\r\na\r\n*2\r\n$3\r\nget\r\n$1\r\nb\r\n");
});

test("[unit] a script's text is sent once, and again when the server has forgotten it", async () => {
  const script = createLoadedScript("return 'the text'");
  const replies: CommandReply[] = [];
  const call = async (answer: string): Promise<string> => {
    const [before, answered] = [received.length, replies.length];
    wire.send(createScriptCommand({ script, keys: ["k"], args: ["1"] }, (reply) => replies.push(reply)));
    await eventually("it arrives", () => received.endsWith("$1\r\nk\r\n$1\r\n1\r\n") && received.length > before);
    peer.write(answer);
    await eventually("it is answered", () => replies.length > answered);
    return received.slice(before).includes(script.text) ? "text" : "digest";
  };
  expect(await call(":1\r\n")).toBe("text");
  expect(await call("-NOSCRIPT No matching script.\r\n")).toBe("digest");
  expect(await call(":1\r\n")).toBe("text");
  expect(await call(":1\r\n")).toBe("digest");
});

test.for([
  { name: "an answer to no question", bytes: ":1\r\n:2\r\n" },
  { name: "what is not Redis's protocol", bytes: "HTTP/1.1 400 Bad Request\r\n" },
])("[unit] $name closes the connection; what is open is lost, once", async ({ bytes }) => {
  const replies = [get("a")];
  peer.write(bytes);
  await eventually("it is closed", () => client.closed && errors.length === 1);
  replies.push(get("late"));
  expect(replies.map((each) => each.length)).toEqual([1, 1]);
  expect(replies[1]).toMatchObject([{ kind: "failure", cause: "lost" }]);
});

test("[unit] commands without an answer are lost when the connection ends", async () => {
  const replies = [get("a"), get("b")];
  peer.write(":1\r\n:");
  peer.end();
  await eventually("all are answered", () => replies.every((each) => each.length === 1));
  expect(replies.flat()).toMatchObject([{ kind: "value" }, { kind: "failure", cause: "lost" }]);
});

test("[unit] an answer that says the server is the wrong one is told", async () => {
  const replies = get("a");
  peer.write("-READONLY You can't write against a read only replica.\r\n");
  await eventually("it is answered", () => replies.length === 1);
  expect(misplaced).toBe(1);
});

test("[unit] asked and silent, the connection is closed; silent without a question, it stays", async () => {
  closeAll();
  await open(40);
  const answered = get("a");
  peer.write(":1\r\n");
  await eventually("it is answered", () => answered.length === 1);
  const quiet = client;
  const stop = closeAll;
  // Its time runs from later than that of the quiet one: when it is over, the other's is too.
  await open(40);
  const silent = get("b");
  await eventually("it is lost", () => silent.length === 1);
  expect(errors).toEqual(["the connection to Redis is closed: no answer within 40 ms"]);
  expect(quiet.destroyed).toBe(false);
  stop();
});
