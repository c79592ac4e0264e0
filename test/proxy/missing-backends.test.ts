// Backends that a route names and that are not there: the others go on, and without any the route itself answers.

import { afterEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

/** Beside the route on every path, whose backend is there. */
async function startBeside(backendRefs: string): Promise<void> {
  upstream = await startScriptedUpstream(answersChat());
  const limits = "  - {name: minute, limit: 1000, window: {duration: 60s}}";
  const narrow = `
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: narrow}
spec:
  matches: [{path: {type: PathPrefix, value: /narrow}}]
  backendRefs: ${backendRefs}
`;
  gateway = await startGateway(`${basics({ endpoint: upstream.origin, limits })}---${narrow}`);
}

function ask(): ReturnType<typeof call> {
  return call(gateway.origin, {
    path: "/narrow/v1/chat/completions",
    headers: { apikey: "key-alice" },
    body: CHAT_BODY,
  });
}

test("[proxy] a backend that is there takes the requests of those that are missing", async () => {
  await startBeside("[{name: typo, weight: 9}, {name: llm, weight: 1}, {name: gone}]");
  for (let i = 0; i < 3; i += 1) expect((await ask()).status).toBe(200);
  const errors = gateway.findings.filter(({ severity }) => severity === "error");
  expect(errors.map(({ code, field }) => `${code} ${field}`)).toEqual([
    "TargetNotFound spec.backendRefs[0].name",
    "TargetNotFound spec.backendRefs[2].name",
  ]);
});

test.for([
  { name: "none that is there", refs: "[{name: typo}, {name: gone}]", missing: "typo, gone" },
  {
    name: "one that somebody has taken out",
    refs: "[{name: gone, weight: 1}, {name: llm, weight: 0}]",
    missing: "gone",
  },
])("[proxy] a route with $name answers 503 itself, and no broader route does", async ({ refs, missing }) => {
  await startBeside(refs);
  const answer = await ask();
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.body)).toMatchObject({
    error: {
      code: "backend_missing",
      message: `AIRoute default/narrow has no backend for this request. Missing: ${missing}.`,
    },
  });
  expect(answer.headers["retry-after"]).toBe("5");
  expect(upstream.received).toEqual([]);
});
