// The gateway that the model is compared with: whole, over HTTP, one for many runs. Each run has policies of its own names,
// so no counter of an earlier run is met again.

import { Agent } from "node:http";
import { expect } from "vitest";
import type { CounterStore } from "../../dataplane/core/counter-store.ts";
import { aBackend, aConsumer, aLimit, aPolicy, aRoute, type Manifest } from "../compiler/manifest-builders.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import { chatCompletion, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";
import {
  type AskPlan,
  BACKENDS,
  CONSUMERS,
  type ConditionPlan,
  CREDENTIALS,
  type LimitPlan,
  MAX_LIMIT,
  type PartPlan,
  type PolicyPlan,
  PRICES,
  ROUTES,
  type Usage,
  type WindowPlan,
} from "./world-plan.ts";

export interface ModelGateway {
  /** From here on these policies are in force, and nothing has been counted for them. */
  use(policies: readonly PolicyPlan[]): void;
  ask(plan: AskPlan): Promise<CallResult>;
  stop(): Promise<void>;
}

export interface ModelGatewayOptions {
  readonly store: CounterStore;
  /** Called between check and answer, with the time that the answer takes. */
  readonly whileAnswering: (tookMs: number) => void;
}

/** Status of a refusal that the policy at this place decides. */
export function statusOf(policy: number): number {
  return 430 + policy;
}

export function messageOf(policy: number): string {
  return `p${String(policy)}: `;
}

export async function startModelGateway({ store, whileAnswering }: ModelGatewayOptions): Promise<ModelGateway> {
  let asked: AskPlan | undefined;
  const upstream: ScriptedUpstream = await startScriptedUpstream((_request, res) => {
    if (asked === undefined) throw new Error("nothing was asked");
    whileAnswering(asked.tookMs);
    const { usage, fails } = asked;
    const body = fails ? "{}" : chatCompletion(reported(usage));
    res.writeHead(fails ? 500 : 200, { "content-type": "application/json" }).end(body);
  });
  const surroundings = surroundingsOf(upstream.origin);
  const gateway: GatewayUnderTest = await startGateway(yamlOf(surroundings), { store });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let run = 0;
  return {
    use(policies) {
      run += 1;
      const manifests = policies.map((plan, at) => policyOf(plan, at, run));
      const errors = gateway.applyYaml(yamlOf([...surroundings, ...manifests])).filter((f) => f.severity === "error");
      expect(errors).toEqual([]);
    },
    ask(plan) {
      asked = plan;
      const { consumer, credential, route, model, team, query, limit, promptBytes } = plan;
      const headers = {
        apikey: `key-${consumer}-${credential}`,
        ...(team === "" ? {} : { "X-Team": team }),
        ...(limit === 0 ? {} : { "x-limit": String(limit) }),
      };
      const body = JSON.stringify({ model, messages: [{ role: "user", content: "x".repeat(promptBytes) }] });
      return call(
        gateway.origin,
        { path: `/${route}/v1/chat/completions${query === "" ? "" : `?q=${query}`}`, headers, body },
        agent,
      );
    },
    async stop() {
      agent.destroy();
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** As OpenAI reports it. */
function reported({ prompt, completion, cached, reasoning }: Usage): object {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

function yamlOf(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => JSON.stringify(manifest)).join("\n---\n");
}

/** "0.150000001" of nano units. */
export function decimalOf(nano: bigint): string {
  const digits = String(nano % 1_000_000_000n).padStart(9, "0");
  return `${String(nano / 1_000_000_000n)}.${digits}`.replace(/\.?0+$/, "");
}

function surroundingsOf(endpoint: string): readonly Manifest[] {
  const models = Object.entries(PRICES).map(([name, { input, output, cached }]) => {
    const [inputPer1M, outputPer1M, cachedInputPer1M] = [input, output, cached].map(decimalOf);
    return { name, prices: { inputPer1M, outputPer1M, cachedInputPer1M, currency: "USD" } };
  });
  return [
    ...Object.entries(CONSUMERS).map(([name, { groups, parent }]) => {
      const credentials = CREDENTIALS.map((each) => ({ name: each, apiKey: { value: `key-${name}-${each}` } }));
      return aConsumer(
        { name },
        { groups, credentials, ...(parent === undefined ? {} : { parentRef: { name: parent } }) },
      );
    }),
    ...Object.entries(BACKENDS).map(([name, { provider }]) => aBackend({ name }, { provider, endpoint, models })),
    ...Object.entries(ROUTES).map(([name, { backend, identifies, service }]) =>
      aRoute(
        { name },
        {
          matches: [{ path: { type: "PathPrefix", value: `/${name}` } }],
          backendRefs: [{ name: backend }],
          ...(service === undefined ? {} : { service }),
          ...(identifies ? {} : { authentication: { none: {} } }),
        },
      ),
    ),
  ];
}

function policyOf(plan: PolicyPlan, at: number, run: number): Manifest {
  const { appliesTo, counters, isMostSpecific, createdDay, limits } = plan;
  const created = createdDay === 0 ? {} : { creationTimestamp: `2025-01-0${String(createdDay)}T00:00:00Z` };
  return aPolicy(
    { name: `p${String(at)}-${String(run)}`, ...created },
    {
      appliesTo,
      ...(limits.some(({ estimates }) => estimates) ? { admission: { estimate: "Prompt" } } : {}),
      precedence: isMostSpecific ? "MostSpecific" : "Additive",
      ...(counters === "" ? {} : { counters: { namespace: `${counters}-${String(run)}` } }),
      limits: limits.map((limit, i) => limitOf(limit, { name: `l${String(i)}`, label: `p${String(at)}l${String(i)}` })),
      response: {
        statusCode: statusOf(at),
        bodyFormat: "Message",
        message: messageOf(at),
        headers: { formats: ["Window"] },
      },
    },
  );
}

function limitOf(plan: LimitPlan, named: { readonly name: string; readonly label: string }): Manifest {
  const { when, per, unit, expression, window, chargeRefused, fallback, isShadow } = plan;
  return aLimit({
    ...named,
    when: when.map(conditionOf),
    per: per.map(partOf),
    unit,
    ...amountOf(plan),
    window: windowOf(window),
    mode: isShadow ? "Shadow" : "Enforce",
    ...(unit === "Expression" ? { expression } : {}),
    ...(chargeRefused ? { chargeRefused } : {}),
    ...(fallback ? { fallback } : {}),
  });
}

const ABSENT = new Set<string>(["Header", "Query", "Template"]);

function amountOf({ unit, limit, isDynamic }: LimitPlan): Manifest {
  if (isDynamic) return { limit: `\${http_x_limit ?? ${String(limit)}}`, max: MAX_LIMIT };
  return { limit: unit === "Cost" ? decimalOf(BigInt(limit)) : limit };
}

function partOf({ type, value, skipIfMissing }: PartPlan): Manifest {
  return {
    type,
    ...nameOf(type),
    ...(type === "Template" ? { value } : {}),
    ...(skipIfMissing && ABSENT.has(type) ? { skipIfMissing } : {}),
  };
}

function nameOf(type: string): Manifest {
  if (type === "Header") return { name: "X-Team" };
  return type === "Query" ? { name: "q" } : {};
}

function conditionOf({ type, match, values }: ConditionPlan): Manifest {
  return { type, match, values, ...nameOf(type) };
}

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

function windowOf(plan: WindowPlan): Manifest {
  if (plan.algorithm !== "Calendar") return { duration: `${String(plan.seconds)}s`, algorithm: plan.algorithm };
  const { calendar, timeZone, anchorDay, weekStart } = plan;
  return {
    calendar,
    timeZone,
    ...(calendar === "Month" ? { anchorDay } : {}),
    ...(calendar === "Week" ? { weekStart: WEEKDAYS[weekStart] } : {}),
  };
}
