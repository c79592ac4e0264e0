// Consumers: where keys come from, who keeps a key that two claim, and what is never said.

import { test } from "vitest";
import type { CompiledConsumer } from "../../dataplane/contract/compiled.ts";
import { deriveKeys, hashKey, keyHmac } from "../../dataplane/contract/keyring.ts";
import { aConsumer, aConsumerWithKey, aSecret, compiled, linesOf, MASTER, type Manifest } from "./manifest-builders.ts";

const hmac = (namespace: string, key: string): string => keyHmac(deriveKeys(MASTER, namespace), hashKey(key));

function consumersOf(...manifests: Manifest[]): CompiledConsumer[] {
  return compiled(...manifests).objects.filter((object) => object.kind === "Consumer");
}

const withRef = (name: string, key: string): Manifest =>
  aConsumer({}, { credentials: [{ name: "main", apiKey: { secretRef: { name, key } } }] });

test("[unit] a consumer is named by metadata.name where it has no username, and by its username where it has", ({
  expect,
}) => {
  const [a, b] = consumersOf(
    aConsumer({ name: "a" }),
    aConsumer({ name: "b" }, { username: "Bea", customID: "42", groups: ["gold"] }),
  );
  expect(a).toEqual({ kind: "Consumer", namespace: "default", name: "a", username: "a", groups: [], credentials: [] });
  expect(b).toMatchObject({ username: "Bea", customID: "42", groups: ["gold"] });
});

test.for([
  { name: "an inline value", apiKey: { value: "k-1" } },
  { name: "a hash", apiKey: { keyHash: `sha256:${hashKey("k-1").toString("hex")}` } },
  { name: "a hash in capitals", apiKey: { keyHash: `sha256:${hashKey("k-1").toString("hex").toUpperCase()}` } },
  { name: "stringData", apiKey: { secretRef: { name: "it", key: "plain" } } },
  { name: "data", apiKey: { secretRef: { name: "it", key: "encoded" } } },
  { name: "data with a line end in the value", apiKey: { secretRef: { name: "it", key: "newline" } } },
])("[unit] the key of $name is recognised by the same HMAC", ({ apiKey }, { expect }) => {
  const data = { encoded: "ay0x", newline: "ay0xCg==" };
  const secret = { ...aSecret({ namespace: "ai" }, { plain: "k-1" }), data };
  const [consumer] = consumersOf(aConsumer({ namespace: "ai" }, { credentials: [{ name: "main", apiKey }] }), secret);
  expect(consumer?.credentials).toEqual([{ name: "main", keyHmacs: [hmac("ai", "k-1")] }]);
});

test("[unit] stringData goes before data", ({ expect }) => {
  const secret = { ...aSecret({}, { k: "plain" }), data: { k: "ZW5jb2RlZA==" } };
  expect(consumersOf(withRef("it", "k"), secret)[0]?.credentials[0]?.keyHmacs).toEqual([hmac("default", "plain")]);
});

test.for([
  {
    name: "no Secret of the name",
    ref: ["keys", "k"],
    line: 'secretRef.name: found "keys", wanted a Secret of this namespace',
  },
  {
    name: "a Secret of nearly the name",
    ref: ["itt", "k"],
    line: 'secretRef.name: found "itt", wanted a Secret of this namespace; did you mean `it`?',
  },
  {
    name: "no such key",
    ref: ["it", "good1"],
    line: 'secretRef.key: found "good1", wanted a key of Secret "it"; did you mean `good`?',
  },
  ...["bad64", "empty", "binary", "long"].map((key) => ({
    name: `a value that is ${key}`,
    ref: ["it", key],
    line: "secretRef.key: found (hidden), wanted a Secret value of 1 to 4096 printable ASCII characters, base64-encoded in data or plain in stringData",
  })),
])(
  "[unit] a consumer whose only key is in $name identifies nobody",
  ({ ref: [name = "", key = ""], line }, { expect }) => {
    const secret = {
      ...aSecret({}, { good: "k", empty: " \n", long: "x".repeat(4097) }),
      data: { bad64: "a-secret", binary: "/+8=" },
    };
    const output = compiled(withRef(name, key), secret, aSecret({ name: "keys", namespace: "other" }, { k: "k" }));
    expect(linesOf(output)).toEqual([`Consumer default/it spec.credentials[0].apiKey.${line}`]);
    expect(output.findings.map(({ severity }) => severity)).toEqual(["error"]);
    expect(output.objects).toMatchObject([{ kind: "Consumer", name: "it", credentials: [] }]);
  },
);

test("[unit] a consumer with another usable credential stays in force, with a warning", ({ expect }) => {
  const credentials = [
    { name: "gone", apiKey: { secretRef: { name: "gone", key: "k" } } },
    { name: "main", apiKey: { secretRef: { name: "it", key: "k" } } },
  ];
  const output = compiled(aConsumer({}, { credentials }), aSecret({}, { k: "k-1" }));
  expect(output.findings).toMatchObject([{ severity: "warning", code: "SecretNotFound" }]);
  expect(output.objects).toMatchObject([{ credentials: [{ name: "main", keyHmacs: [hmac("default", "k-1")] }] }]);
});

test("[unit] an inline key gives a warning without the key", ({ expect }) => {
  expect(linesOf(compiled(aConsumerWithKey({}, "k-secret")))).toEqual([
    "warning: Consumer default/it spec.credentials[0].apiKey.value: found (hidden), wanted a secretRef: this key is readable here",
  ]);
});

test.for([
  { name: "a list", secret: { data: ["k"] }, line: "data: found a list of 1, wanted an object of names and texts" },
  { name: "a number", secret: { stringData: { k: 1 } }, line: "stringData.k: found a number, wanted a text" },
  {
    name: "a mistyped field",
    secret: { stringdata: { k: "v" } },
    line: "stringdata: found an unknown field, wanted a known field; did you mean `stringData`?",
  },
])("[unit] refuses a Secret with $name", ({ secret, line }, { expect }) => {
  expect(linesOf(compiled({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, ...secret }))).toEqual([
    `Secret default/s ${line}`,
  ]);
});

const OLD = "2026-01-01T00:00:00Z";
const NEW = "2026-01-02T00:00:00Z";

interface ConflictRow {
  readonly name: string;
  /** namespace/name and age of each consumer; all have the same key. */
  readonly claims: readonly (readonly [string, unknown])[];
  readonly keep: readonly string[];
  readonly wanted: readonly string[];
}

const conflictRows: ConflictRow[] = [
  {
    name: "the older of one namespace keeps it and is named",
    claims: [
      ["ai/a", NEW],
      ["ai/b", OLD],
    ],
    keep: ["ai/b"],
    wanted: ["a key of its own: Consumer b has this one"],
  },
  {
    name: "of equal age the name that sorts first keeps it",
    claims: [
      ["ai/b", OLD],
      ["ai/a", OLD],
    ],
    keep: ["ai/a"],
    wanted: ["a key of its own: Consumer a has this one"],
  },
  {
    name: "one without an age takes nothing from one with an age",
    claims: [
      ["ai/a", undefined],
      ["ai/b", NEW],
    ],
    keep: ["ai/b"],
    wanted: ["a key of its own: Consumer b has this one"],
  },
  {
    name: "an age may be a Date",
    claims: [
      ["ai/a", new Date(NEW)],
      ["ai/b", new Date(OLD)],
    ],
    keep: ["ai/b"],
    wanted: ["a key of its own: Consumer b has this one"],
  },
  {
    name: "two namespaces do not meet",
    claims: [
      ["ai/a", OLD],
      ["batch/b", NEW],
    ],
    keep: ["ai/a", "batch/b"],
    wanted: [],
  },
  {
    name: "a newer one meets the system namespace and is told no name",
    claims: [
      ["default/root", OLD],
      ["ai/a", NEW],
    ],
    keep: ["default/root"],
    wanted: ["another key: this one is in use"],
  },
  {
    name: "a newer one of the system namespace meets any other and is told no name",
    claims: [
      ["ai/a", OLD],
      ["batch/b", OLD],
      ["default/root", NEW],
    ],
    keep: ["ai/a", "batch/b"],
    wanted: ["another key: this one is in use"],
  },
];

test.for(conflictRows)("[unit] a key used twice: $name (kong trap 32)", ({ claims, keep, wanted }, { expect }) => {
  const manifests = claims.map(([path, creationTimestamp]) => {
    const [namespace = "", name = ""] = path.split("/");
    return aConsumerWithKey({ namespace, name, creationTimestamp }, "the-same");
  });
  for (const order of [manifests, manifests.toReversed()]) {
    const { objects, findings } = compiled(...order);
    const holders = objects.filter((object) => object.kind === "Consumer" && object.credentials.length > 0);
    expect(objects).toHaveLength(claims.length);
    expect(holders.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(keep);
    const conflicts = findings.filter(({ code }) => code === "CredentialConflict");
    expect(conflicts.map((finding) => finding.wanted)).toEqual(wanted);
    expect(conflicts.every(({ severity, found }) => severity === "error" && found === "(hidden)")).toBe(true);
  }
});

test("[unit] the same key given by hash and by value is one key", ({ expect }) => {
  const keyHash = `sha256:${hashKey("k").toString("hex")}`;
  const { findings } = compiled(
    aConsumerWithKey({ name: "a" }, "k"),
    aConsumer({ name: "b" }, { credentials: [{ name: "main", apiKey: { keyHash } }] }),
  );
  expect(findings.map(({ code, object }) => `${code} ${object.name}`)).toEqual([
    "InlineSecret a",
    "CredentialConflict b",
  ]);
});

test("[unit] a key that stands twice in one consumer counts once, with a warning", ({ expect }) => {
  const credentials = ["a", "b"].map((name) => ({ name, apiKey: { value: "k" } }));
  const { objects, findings } = compiled(aConsumer({}, { credentials }));
  expect(objects).toMatchObject([{ credentials: [{ name: "a" }] }]);
  expect(findings.filter(({ code }) => code === "CredentialConflict")).toMatchObject([
    { severity: "warning", wanted: "a key of its own: credential a has this one" },
  ]);
});

test("[unit] a consumer that loses one key keeps its others", ({ expect }) => {
  const credentials = ["k", "k-2"].map((value, i) => ({ name: `c${String(i)}`, apiKey: { value } }));
  const { objects } = compiled(aConsumerWithKey({ name: "a" }, "k"), aConsumer({ name: "b" }, { credentials }));
  expect(objects).toMatchObject([{ name: "a" }, { name: "b", credentials: [{ name: "c1" }] }]);
});
