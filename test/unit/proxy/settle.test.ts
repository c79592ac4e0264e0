// What a request is charged on each of its exits, and which counters move.

import { describe, expect, test } from "vitest";
import type { CompiledBackend } from "../../../dataplane/contract/compiled.ts";
import type { Charge, CounterStore } from "../../../dataplane/core/counter-store.ts";
import type { Unit } from "../../../dataplane/core/usage.ts";
import { createHeaderNames, HeaderList } from "../../../dataplane/identify/header-list.ts";
import type { Operation, ReportedUsage, ResponseMeter } from "../../../dataplane/providers/provider.ts";
import { Exchange } from "../../../dataplane/proxy/exchange.ts";
import { chargeLimits, type SettleInput, settlementOf } from "../../../dataplane/proxy/settle.ts";
import { aClientExchange } from "../../helpers/client-exchange.ts";
import { aBackend, aGatewayConfig, aLimit, aPolicy, aRoute, someFacts } from "../config/builders.ts";

function anOperation(charged: boolean): Operation {
  return {
    name: "chat",
    dialect: "OpenAI",
    upstreamPath: "/v1/chat/completions",
    charged,
    readRequest: () => ({ push: () => {}, end: () => INFO }),
    injectUsage: () => undefined,
    meterResponse: () => aMeter(undefined),
  };
}

/** 41 bytes of prompt: 11 tokens when estimated. */
const INFO = { model: "gpt-4", stream: false, promptTextBytes: 41, malformed: undefined };

function aMeter(reported: ReportedUsage | undefined, textBytes = 0): ResponseMeter {
  return {
    push: (chunk) => chunk,
    end: () => undefined,
    usage: () => reported,
    complete: () => false,
    textBytes: () => textBytes,
  };
}

interface ExchangeParts {
  readonly charged?: boolean;
  readonly onMissing?: CompiledBackend["usage"]["onMissing"];
  readonly units?: readonly Unit[];
}

function anExchange({ charged = true, onMissing = "ChargeEstimate", units = [] }: ExchangeParts = {}): Exchange {
  const limits = units.map((unit) => aLimit({ name: unit.toLowerCase(), unit }));
  const backend = aBackend({ usage: { injectIncludeUsage: true, onMissing } });
  const config = aGatewayConfig([aRoute(), backend, aPolicy({ limits })]);
  const headers = new HeaderList(
    [],
    createHeaderNames(() => true),
  );
  const exchange = new Exchange({ id: "r", ...aClientExchange(), headers, config, startedAt: 0 });
  const route = config.snapshot.routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route;
  exchange.operation = anOperation(charged);
  exchange.info = INFO;
  exchange.route = route;
  exchange.backend = route?.balancer.pick();
  if (route) exchange.matched = config.plans.match({ route, consumer: undefined }, someFacts());
  return exchange;
}

describe("the cost", () => {
  const full: ReportedUsage = { usage: { prompt: 7, completion: 5 }, source: "reported" };
  const noCompletion: ReportedUsage = { usage: { prompt: 7, completion: 0 }, source: "partial", missing: "completion" };
  const noPrompt: ReportedUsage = { usage: { prompt: 0, completion: 5 }, source: "partial", missing: "prompt" };
  const row = (
    name: string,
    input: Partial<SettleInput>,
    wanted: readonly [prompt: number, completion: number, source: string | undefined],
    parts: ExchangeParts = {},
  ) => ({ name, input, wanted, parts });
  test.for([
    row("is what the provider reported", { meter: aMeter(full, 100) }, [7, 5, "reported"]),
    row("is what was reported so far when the answer broke off", { meter: aMeter(full), complete: false }, [
      7,
      5,
      "partial",
    ]),
    row("estimates the completion that was not reported", { meter: aMeter(noCompletion, 9) }, [7, 3, "partial"]),
    row("estimates the prompt that was not reported", { meter: aMeter(noPrompt, 9) }, [11, 5, "partial"]),
    row("is estimated when nothing was reported", { meter: aMeter(undefined, 9) }, [11, 3, "estimated"]),
    row("is estimated from what was relayed when the client left", { meter: aMeter(undefined, 4), complete: false }, [
      11,
      1,
      "estimated",
    ]),
    row("is the prompt when the client left before an answer", { meter: undefined, status: 0, complete: false }, [
      11,
      0,
      "estimated",
    ]),
    row("is the prompt when an answer has no text", { meter: aMeter(undefined, 0) }, [11, 0, "estimated"]),
    row("is nothing for an error without usage", { meter: aMeter(undefined, 50), status: 500 }, [0, 0, undefined]),
    row("is nothing for a refusal of the provider", { meter: aMeter(undefined), status: 429 }, [0, 0, undefined]),
    row("is nothing for a redirect", { meter: aMeter(undefined), status: 302 }, [0, 0, undefined]),
    row("is what an error reports nevertheless", { meter: aMeter(full), status: 500 }, [7, 5, "reported"]),
    row("is nothing for a call that costs no tokens", { meter: aMeter(full) }, [0, 0, undefined], { charged: false }),
    row("is zero with ChargeZero when nothing was reported", { meter: aMeter(undefined, 9) }, [0, 0, "estimated"], {
      onMissing: "ChargeZero",
    }),
    row("is what was reported with ChargeZero", { meter: aMeter(full) }, [7, 5, "reported"], {
      onMissing: "ChargeZero",
    }),
    row("is zero for the missing part with ChargeZero", { meter: aMeter(noCompletion, 9) }, [7, 0, "partial"], {
      onMissing: "ChargeZero",
    }),
  ])("[unit] $name", ({ input, wanted: [prompt, completion, source], parts }) => {
    const settled = settlementOf(anExchange(parts), { meter: undefined, status: 200, complete: true, ...input });
    expect(settled).toEqual({ usage: { prompt, completion }, source });
  });

  test("[unit] is nothing before a backend was chosen", () => {
    const exchange = anExchange();
    exchange.backend = undefined;
    expect(settlementOf(exchange, { meter: aMeter(full), status: 200, complete: true }).usage).toEqual({
      prompt: 0,
      completion: 0,
    });
  });
});

const noThreshold = (): void => {
  throw new Error("no threshold is in reach");
};

describe("the charge", () => {
  /** A store that keeps what it is told to charge and reports it sent when the test says so. */
  function aStore() {
    const charged: Charge[][] = [];
    const pending: (() => void)[] = [];
    const store: CounterStore = {
      admit: () => {
        throw new Error("settling asks nothing");
      },
      charge: (charges, sent) => {
        charged.push([...charges]);
        pending.push(sent);
      },
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    return {
      store,
      charged,
      sendAll: () => {
        for (const sent of pending.splice(0)) sent();
      },
    };
  }

  test("[unit] moves each matched limit by its own unit, in one call", () => {
    const exchange = anExchange({ units: ["TotalTokens", "PromptTokens", "CompletionTokens", "Requests"] });
    exchange.usage = { prompt: 7, completion: 5 };
    const { store, charged } = aStore();
    chargeLimits(exchange, { store, thresholdReached: noThreshold }, () => {});
    const [total, prompt, completion] = exchange.matched.map(({ counter }) => counter);
    expect(charged).toEqual([
      [
        { counter: total, amount: 12 },
        { counter: prompt, amount: 7 },
        { counter: completion, amount: 5 },
      ],
    ]);
  });

  test("[unit] is reported sent only when the store has sent it", () => {
    const exchange = anExchange({ units: ["TotalTokens"] });
    exchange.usage = { prompt: 1, completion: 0 };
    const { store, sendAll } = aStore();
    let sent = 0;
    chargeLimits(exchange, { store, thresholdReached: noThreshold }, () => sent++);
    expect(sent).toBe(0);
    sendAll();
    expect(sent).toBe(1);
  });

  test.for([
    { name: "nothing was used", usage: { prompt: 0, completion: 0 }, units: ["TotalTokens"] as const },
    { name: "no limit matched", usage: { prompt: 7, completion: 5 }, units: [] },
    { name: "only requests are counted", usage: { prompt: 7, completion: 5 }, units: ["Requests"] as const },
    { name: "the usage is not known", usage: undefined, units: ["TotalTokens"] as const },
  ])("[unit] asks nothing of the store when $name", ({ usage, units }) => {
    const exchange = anExchange({ units });
    exchange.usage = usage;
    const { store, charged } = aStore();
    let sent = 0;
    chargeLimits(exchange, { store, thresholdReached: noThreshold }, () => sent++);
    expect(charged).toEqual([]);
    expect(sent).toBe(1);
  });
});
