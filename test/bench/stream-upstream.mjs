// An upstream that streams as a provider does: EVENTS server-sent events of about 200 bytes, chunked, as fast as they are
// taken (several per write), then usage and [DONE]. Usage: node stream-upstream.mjs PORT EVENTS

import { createServer } from "node:http";

const [port, events] = process.argv.slice(2).map(Number);
const text = "The quick brown fox jumps over the lazy dog again. ";
const event = (i) =>
  `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"${text}${String(i % 10)}"},"finish_reason":null}]}\n\n`;
const PER_WRITE = 10;
const usage = { prompt_tokens: 20, completion_tokens: events, total_tokens: 20 + events };
const pieces = [];
for (let i = 0; i < events; i += PER_WRITE) {
  pieces.push(Buffer.from(Array.from({ length: PER_WRITE }, (_, k) => event(i + k)).join("")));
}
pieces.push(
  Buffer.from(
    `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","choices":[],"usage":${JSON.stringify(usage)}}\n\ndata: [DONE]\n\n`,
  ),
);

createServer((req, res) => {
  req.resume();
  req.on("end", () => {
    res.writeHead(200, ["content-type", "text/event-stream"]);
    let next = 0;
    const more = () => {
      while (next < pieces.length) {
        if (!res.write(pieces[next++])) return void res.once("drain", more);
      }
      res.end();
    };
    more();
  });
}).listen(port, "127.0.0.1", 4096);
