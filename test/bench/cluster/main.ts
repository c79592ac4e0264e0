// From kubectl apply to enforced: a real API server, controllers and two data planes, with few consumers and with many. Prints
// figures as it goes. Run: make bench-cluster ARGS="--consumers 100000 --changes 200". --hold keeps everything running for
// a look by hand, until a signal.

import { parseArgs } from "node:util";
import type { CommandProcess } from "../../helpers/command-process.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../../helpers/product-under-test.ts";
import { ask, type Bench, makeProbes, measureChanges, type Timing } from "./changes.ts";
import { loadText, metrics, residentOf, seconds, sleep, spreadText, timeUntil } from "./figures.ts";
import { keyOfUser, makeConsumers, makeSurroundings } from "./objects.ts";

const FEW = 10;
/** As in production: on a busy machine a short one is lost. */
const LEASE = { AIRL_LEASE_DURATION: "15s" };
const WAITING = 'airl_controller_queue_depth{queue="publish"}';
const PASSES = "airl_controller_reconcile_duration_seconds_count";
const LAG = "nodejs_eventloop_lag_max_seconds";
const STATUSES = 'airl_controller_queue_depth{queue="status"}';

const { values } = parseArgs({
  options: {
    consumers: { type: "string", default: "100000" },
    changes: { type: "string", default: "200" },
    // For how long the statuses of all are waited for.
    settle: { type: "string", default: "1200" },
    hold: { type: "boolean", default: false },
  },
});
const many = Number(values.consumers);
const changes = Number(values.changes);

function say(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

function sayTimings(title: string, timings: readonly Timing[]): void {
  say(`${title}, ${loadText()}`);
  say(`  all, enforced: ${spreadText(timings.map(({ enforcedMs }) => enforcedMs))}`);
  for (const kind of new Set(timings.map((timing) => timing.kind))) {
    const own = timings.filter((timing) => timing.kind === kind);
    const told = own.flatMap(({ statusMs }) => statusMs ?? []);
    const status = told.length === 0 ? "" : `; status ${spreadText(told)}`;
    say(`  ${kind}: ${spreadText(own.map(({ enforcedMs }) => enforcedMs))}${status}`);
  }
}

function sayResident(what: string, { pid }: CommandProcess): void {
  const { nowMb, peakMb } = residentOf(pid);
  say(`  ${what}: RSS ${String(nowMb)} MB, peak ${String(peakMb)} MB`);
}

/** Resolves when it leads and everything is published; tells how long that took and how long its event loop stood still. */
async function startLeader(product: Product): Promise<Running> {
  const startMs = performance.now();
  const controller = await product.startController(LEASE);
  await controller.process.line(/"msg":"leads publishing to Redis"/);
  const leadsMs = performance.now() - startMs;
  let lagSeconds = 0;
  // No more often than a monitor asks, nearly: every scrape counts all objects.
  await timeUntil(async () => {
    await sleep(1000);
    const [lag, passes, waiting] = await metrics(controller.admin, [LAG, PASSES, WAITING]);
    lagSeconds = Math.max(lagSeconds, lag ?? 0);
    return (passes ?? 0) > 0 && waiting === 0;
  });
  const [reconcile = 0] = await metrics(controller.admin, ["airl_controller_reconcile_duration_seconds_sum"]);
  say(
    `  controller: leads after ${seconds(leadsMs)}, all published after ${seconds(performance.now() - startMs)}, ` +
      `first pass ${seconds(reconcile * 1000)}, longest stop of its event loop ${seconds(lagSeconds * 1000)}`,
  );
  return controller;
}

async function everyGatewayKnows({ gateways }: Bench, index: number): Promise<number> {
  return await timeUntil(async () => {
    const answers = await Promise.all(gateways.map(({ origin }) => ask(origin, keyOfUser(index))));
    return answers.every(({ status }) => status === 200);
  });
}

/** A data plane is ready when something is published. */
async function withFew(bench: Bench, startGateways: () => Promise<void>): Promise<Running> {
  const { product } = bench;
  await makeSurroundings(product.cluster, product.upstream.origin);
  await makeProbes(product);
  await makeConsumers(product.cluster, 1, FEW + 1);
  say(`${String(FEW)} consumers`);
  const controller = await startLeader(product);
  await startGateways();
  await everyGatewayKnows(bench, FEW);
  await measureChanges(bench, 20); // warm-up
  sayTimings(`${String(FEW)} consumers`, await measureChanges(bench, changes));
  sayResident("controller", controller.process);
  return controller;
}

async function load({ product: { cluster } }: Bench): Promise<void> {
  const startMs = performance.now();
  await makeConsumers(cluster, FEW + 1, many + 1);
  const ms = performance.now() - startMs;
  say(
    `${String(many)} consumers made in ${seconds(ms)}, ${String(Math.round((many * 1000) / ms))} a second; ${loadText()}`,
  );
}

/** Returns how many statuses are yet to be written when their time is over. */
async function settle(admin: string): Promise<number> {
  const untilMs = performance.now() + Number(values.settle) * 1000;
  for (;;) {
    await sleep(1000);
    const [left = 0] = await metrics(admin, [STATUSES]);
    if (left === 0 || performance.now() > untilMs) return left;
  }
}

async function withMany(bench: Bench): Promise<Running> {
  const controller = await startLeader(bench.product);
  sayResident("controller after the first pass", controller.process);
  say(`  last consumer known to every gateway ${seconds(await everyGatewayKnows(bench, many))} later; ${loadText()}`);
  const [waiting = 0] = await metrics(controller.admin, [STATUSES]);
  const startMs = performance.now();
  sayTimings(
    `${String(many)} consumers, ${String(waiting)} statuses waiting`,
    await measureChanges(bench, Math.min(changes, 50)),
  );
  const left = await settle(controller.admin);
  const ms = performance.now() - startMs;
  const rate = Math.round(((waiting - left) * 1000) / ms);
  say(`  ${String(left)} statuses left after ${seconds(ms)}: ${String(rate)} a second; ${loadText()}`);
  sayResident("controller by then", controller.process);
  sayTimings(`${String(many)} consumers`, await measureChanges(bench, changes));
  sayResident("controller at the end", controller.process);
  for (const { process } of bench.gateways) sayResident("data plane that followed", process);
  return controller;
}

async function takeover(bench: Bench, old: Running): Promise<Running> {
  const { product } = bench;
  const next = await product.startController(LEASE);
  const isReady = async (): Promise<boolean> => (await fetch(`${next.admin}/readyz`)).status === 200;
  await timeUntil(isReady);
  await sleep(2000);
  sayResident("controller that follows", next.process);
  old.process.signal("SIGTERM");
  const [timing] = await measureChanges(bench, 1);
  say(`takeover: a change made as the leader is asked to stop is enforced after ${seconds(timing?.enforcedMs ?? NaN)}`);
  await next.process.line(/"msg":"leads publishing to Redis"/);
  const terms = old.process.lines.filter((line) => line.includes('"kind":"leading"')).length;
  if (terms > 1)
    say(`  the old one lost its lease and led ${String(terms)} times: the machine is too busy for these figures`);
  say(`  the old one has ended with ${String(await old.process.ended)}; ${loadText()}`);
  await sleep(5000);
  sayResident("controller that took over", next.process);
  return next;
}

async function coldGateway({ product }: Bench): Promise<void> {
  const startMs = performance.now();
  const { process } = await product.startGateway();
  say(`data plane: process start to ready ${seconds(performance.now() - startMs)}; ${loadText()}`);
  sayResident("data plane", process);
}

async function run(product: Product): Promise<void> {
  const gateways: RunningGateway[] = [];
  const bench = { product, gateways };
  const first = await withFew(bench, async () => {
    for (let i = 0; i < 2; i += 1) gateways.push(await product.startGateway());
  });
  await first.process.stop();
  if (many > FEW) {
    await load(bench);
    const second = await withMany(bench);
    await takeover(bench, second);
    await coldGateway(bench);
  }
  if (!values.hold) return;
  say(`held: kubeconfig ${product.cluster.kubeconfig}, redis ${product.redis.url}, key ring ${product.keyRing}`);
  await new Promise((resolve) => process.once("SIGINT", resolve));
}

const product = await startProduct();
if ("missing" in product) {
  console.error(`needs ${product.missing}`);
  process.exitCode = 2;
} else {
  try {
    await run(product);
  } finally {
    await product.stop();
  }
}
