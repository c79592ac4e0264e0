// What the incremental compiler costs: the first load of consumers and one change among them, at 1,000 and at 100,000, with
// processor time, elapsed time of changes, and memory. Run after `make build`: node --expose-gc test/bench/compiler.mjs

import { createIncrementalCompiler } from "../../dist/compiler/incremental.js";
import { createRing } from "../../dist/dataplane/contract/keyring.js";

const NAMESPACE = "ai";
const ROUNDS = 60;

function metadata(name, generation = 1) {
  const uid = `00000000-0000-4000-8000-${name.replaceAll(/\D/g, "").padStart(12, "0")}`;
  return { name, namespace: NAMESPACE, uid, generation, creationTimestamp: "2026-01-01T00:00:00Z" };
}

function consumer(index, { generation = 1, group = `team-${index % 50}` } = {}) {
  const credentials = [{ name: "main", apiKey: { secretRef: { name: `key-${index}`, key: "key" } } }];
  const spec = { username: `user ${index}`, groups: [group], credentials };
  return {
    apiVersion: "airatelimit.dev/v1alpha1",
    kind: "Consumer",
    metadata: metadata(`user-${index}`, generation),
    spec,
  };
}

function secret(index, version = 1) {
  const key = Buffer.from(`sk-${index}-${version}-0123456789abcdef`).toString("base64");
  return { apiVersion: "v1", kind: "Secret", metadata: metadata(`key-${index}`, version), data: { key } };
}

function policy(index) {
  const limits = [{ name: "minute", limit: 500, window: { duration: "60s" } }];
  const spec = { appliesTo: { consumerGroups: [`team-${index % 50}`] }, limits };
  return {
    apiVersion: "airatelimit.dev/v1alpha1",
    kind: "AIRateLimitPolicy",
    metadata: metadata(`policy-${index}`),
    spec,
  };
}

const upsert = (manifest) => ({ type: "Upsert", manifest });
const remove = ({ kind, metadata: { namespace, name } }) => ({ type: "Delete", ref: { kind, namespace, name } });

function heapMb() {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** What is loaded is made while it is read, as from a watch: only what the compiler keeps stays. */
function* world(count) {
  for (let i = 0; i < 50; i++) yield upsert(policy(i));
  for (let i = 0; i < count; i++) {
    yield upsert(JSON.parse(JSON.stringify(secret(i))));
    yield upsert(JSON.parse(JSON.stringify(consumer(i))));
  }
}

function median(times) {
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}

function timed(compiler, changesOf) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const changes = changesOf(round);
    const start = performance.now();
    compiler.apply(changes);
    times.push(performance.now() - start);
  }
  const sorted = [...times].sort((a, b) => a - b);
  return { median: median(times), worst: sorted.at(-1) };
}

/** Of the processor, so that other work on the machine does not count. */
function elapsed(action) {
  const start = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Makes everything and keeps nothing: what making the input costs by itself. */
function iterated(items) {
  for (const item of items) void item;
  return [];
}

function measure(count) {
  const compiler = createIncrementalCompiler({ ringFor: createRing([Buffer.alloc(32, 7)]), systemNamespace: "system" });
  const before = heapMb();
  const madeMs = elapsed(() => iterated(world(count)));
  let changes;
  const loadMs = elapsed(() => (changes = compiler.apply(world(count)))) - madeMs;
  changes = undefined;
  const memoryMb = heapMb() - before;
  const at = (round) => (round * 7919) % count;
  const edits = timed(compiler, (round) => [upsert(consumer(at(round), { generation: 2, group: "team-1" }))]);
  const keys = timed(compiler, (round) => [upsert(secret(at(round), 2))]);
  const deletes = timed(compiler, (round) => [remove(consumer(at(round)))]);
  const adds = timed(compiler, (round) => [upsert(consumer(at(round)))]);
  const ringMs = elapsed(() => compiler.setRing(createRing([Buffer.alloc(32, 8)])));
  return { count, loadMs, memoryMb, ringMs, edits, keys, deletes, adds, changes };
}

for (const count of [1_000, 100_000]) {
  const { loadMs, memoryMb, ringMs, ...kinds } = measure(count);
  console.log(
    `${count} consumers: loaded in ${loadMs.toFixed(0)} ms of CPU, ${memoryMb.toFixed(0)} MB, another ring ${ringMs.toFixed(0)} ms of CPU`,
  );
  for (const name of ["edits", "keys", "deletes", "adds"]) {
    console.log(
      `  ${name.padEnd(8)} median ${kinds[name].median.toFixed(3)} ms, worst ${kinds[name].worst.toFixed(3)} ms`,
    );
  }
}
