// nginx in a benchmark: as a proxy to compare with, and as an upstream that costs next to nothing.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The command that runs nginx with these servers. */
export function writeNginx(folder, file, text) {
  writeFileSync(
    join(folder, file),
    `daemon off; worker_processes 1; pid ${folder}/${file}.pid; error_log ${folder}/${file}.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_max_body_size 10m; client_body_buffer_size 256k;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  ${text} }`,
  );
  return ["nginx", "-p", folder, "-c", join(folder, file)];
}

const USAGE = { prompt_tokens: 20, completion_tokens: 60, total_tokens: 80 };
const COMPLETION = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1700000000,
  model: "gpt-4o",
  choices: [{ index: 0, message: { role: "assistant", content: "word ".repeat(70) }, finish_reason: "stop" }],
  usage: USAGE,
});

/** A server that answers every request with one chat completion. */
export function completionServer(port) {
  return `server { listen 127.0.0.1:${port} reuseport backlog=4096; default_type application/json; return 200 '${COMPLETION}'; }`;
}
