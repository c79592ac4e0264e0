// Manifests from text to a running configuration: reading, compiling and starting never throw, findings have a place, and
// what is compiled is what the data plane takes.

import { parseManifests } from "../../../cli/manifests.ts";
import { compile } from "../../../compiler/compile.ts";
import { LiveConfig } from "../../../dataplane/config/gateway-config.ts";
import { compiledObject } from "../../../dataplane/contract/compiled.ts";
import { deriveKeys } from "../../../dataplane/contract/keyring.ts";
import { basics } from "../../helpers/manifests.ts";
import { law, same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

const KEYS = deriveKeys(Buffer.alloc(32, 7), "default");
const ringFor = (): (typeof KEYS)[] => [KEYS];
const ENV = { KEY: "from-the-environment", EMPTY: "" };

const FULL = basics({
  endpoint: "https://127.0.0.1:9000/v1/x",
  limits: `  - name: minute
    when: [{type: Model, values: ["gpt-*"], match: Glob}, {type: Header, name: X-Team}, {type: IP, values: [10.0.0.0/8], match: CIDR}]
    per: [{type: Consumer}, {type: Header, name: X-Team}]
    unit: PromptTokens
    limit: 500
    window: {duration: 1m30s, algorithm: Fixed}
    label: minute
  - {name: shared, limit: 10, unit: Requests, per: [{type: Shared}], window: {duration: 1h}, mode: Shadow}
  - {name: month, limit: 10, window: {calendar: Month, timeZone: Europe/Berlin, anchorDay: 31}}`,
  response: "  response: {statusCode: 403, bodyFormat: Message, message: enough}",
  backend:
    "  auth: {type: APIKey, apiKey: {secretRef: {name: s, key: k}, name: Authorization, prefix: 'Bearer '}}\n  timeouts: {connect: 5s, firstByte: 60s, streamIdle: 60s}",
  route: "  authentication: {apiKey: {headers: [apikey], query: [key], hideCredentials: true}}",
  policy: "  appliesTo: {consumers: [alice], routes: [all]}",
});
const OTHERS = `apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: default}, stringData: {k: "\${KEY}"}, data: {b: YQ==}}
- &a {apiVersion: airatelimit.dev/v1alpha1, kind: Consumer, metadata: {name: c}, spec: {username: "$\${KEY}", credentials: [{name: k, apiKey: {keyHash: "sha256:${"a".repeat(64)}"}}]}}
- *a
`;

export const target: FuzzTarget = {
  name: "manifests",
  shape: "text",
  seeds: [FULL, OTHERS, `${FULL}---\n${OTHERS}`],
  tokens: [
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "---\n",
    "\n  ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!!js/function ",
    "? ",
    "| ",
    "> ",
    "null",
    "~",
    "${KEY}",
    "${NONE}",
    "$${KEY}",
    "spec:",
    "kind: Secret",
    "__proto__: ",
    "constructor: ",
    "limits:",
    "limit: 0",
    "duration: 0s",
    "\t",
    "#",
    '"',
    "'",
    "%YAML 1.1\n",
  ],
  maxBytes: 12_000,
  // All of YAML, and a compilation of everything that was read.
  maxMs: 1_500,
  run(input) {
    const text = input.toString("utf8");
    const { manifests, findings } = parseManifests({ source: { file: "f.yaml", text }, env: ENV });
    const lines = text.split("\n").length;
    const compiled = compile({ manifests: manifests.map((one) => one.value), ringFor, systemNamespace: "default" });
    for (const { lineOf } of manifests) {
      for (const { field } of compiled.findings) {
        const line = lineOf(field);
        law(line >= 1 && line <= lines, "a finding's line is a line of the file", { field, line });
      }
    }
    for (const { found, wanted } of [...findings, ...compiled.findings]) {
      law(found !== "" && wanted !== "", "a finding says what was found and wanted");
    }
    const objects = compiled.objects.map((object) => compiledObject.parse(JSON.parse(JSON.stringify(object))));
    same(objects, JSON.parse(JSON.stringify(compiled.objects)), "what is compiled passes the contract unchanged");
    const onLocked = (): never => {
      throw new Error("a credential that was just sealed does not open");
    };
    const live = new LiveConfig({ ringFor, systemNamespace: "default", prefix: "airl", onLocked });
    live.replace(objects);
    live.current();
    const kinds = [
      ...findings.map((f) => f.code),
      ...compiled.findings.map((f) => `${f.code} ${f.field.replace(/\d+/g, "#").slice(0, 60)}`),
    ];
    return `${String(objects.length)} ${kinds.slice(0, 3).join(", ")}`;
  },
};
