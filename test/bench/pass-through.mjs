// The reference: a proxy of node:http and undici that does nothing but pass requests on. No keys, limits, metrics or logs.
// Usage: node pass-through.mjs PORT UPSTREAM_PORT

import { createServer } from "node:http";
import { Pool } from "undici";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 1024, headersTimeout: 0, bodyTimeout: 0 });
const HOP = new Set(["connection", "keep-alive", "host", "transfer-encoding", "te", "trailer", "upgrade", "expect"]);

function crossing(raw) {
  const out = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!HOP.has(String(raw[i]).toLowerCase())) out.push(String(raw[i]), String(raw[i + 1]));
  }
  return out;
}

function answer(res) {
  return {
    onConnect() {},
    onHeaders(status, raw, resume) {
      this.resume = resume;
      res.writeHead(status, crossing(raw));
      return true;
    },
    onData(chunk) {
      if (res.write(chunk)) return true;
      res.once("drain", this.resume);
      return false;
    },
    onComplete() {
      res.end();
    },
    onError() {
      res.destroy();
    },
  };
}

createServer((req, res) => {
  const pieces = [];
  req.on("data", (piece) => pieces.push(piece));
  req.on("end", () => {
    const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    pool.dispatch({ path: req.url, method: req.method, headers: crossing(req.rawHeaders), body }, answer(res));
  });
}).listen(port, "127.0.0.1", 4096);
