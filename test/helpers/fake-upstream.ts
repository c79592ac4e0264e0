// The demo's fake LLM upstream for tests: a free port, no pacing, any key or none.

import type { DemoStats } from "../../cli/demo/ledger.ts";
import { createDemoUpstream, type DemoUpstreamOptions } from "../../cli/demo/server.ts";

export interface FakeUpstream {
  /** "http://127.0.0.1:12345". */
  readonly origin: string;
  readonly stats: () => DemoStats;
  readonly stop: () => Promise<void>;
}

export async function startFakeUpstream(options: Partial<DemoUpstreamOptions> = {}): Promise<FakeUpstream> {
  const listen = { host: "127.0.0.1", port: 0 };
  const upstream = createDemoUpstream({ listen, paceMs: 0, nowMs: () => Date.now(), requireKey: false, ...options });
  const { host, port } = await upstream.start();
  return { origin: `http://${host}:${String(port)}`, stats: upstream.stats, stop: upstream.stop };
}
