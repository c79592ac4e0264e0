// Tells in Redis that this data plane lives and what is in force here: every few seconds, and at once after a change. Hears
// in return how many data planes live.

import type { Cluster, Redis } from "ioredis";
import { z } from "zod";
import { dataPlanesKey, HEARTBEAT_MS, type Heartbeat, SILENT_AFTER_MS } from "../../contract/published.ts";
import { HEARTBEAT, scriptText } from "../scripts.ts";
import type { StoreLog } from "../store-context.ts";

export interface HeartbeatOptions {
  /** Any that the rest of the process uses too; its owner connects and closes it. */
  readonly client: Redis | Cluster;
  readonly prefix: string;
  /** The one namespace served, or EVERY_NAMESPACE. */
  readonly scope: string;
  /** Names this process: random, new at every start. */
  readonly dataPlaneId: string;
  /** What is to be told now. */
  readonly heartbeat: () => Heartbeat;
  /** Data planes of this scope that live; at least 1. */
  readonly counted: (dataPlanes: number) => void;
  readonly log: StoreLog;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly intervalMs?: number | undefined;
}

export interface HeartbeatSender {
  /** Something has changed: it is told within PROMPT_MS, together with what else changes until then. */
  prompt(): void;
  /** Takes this data plane out of the count. Waits at most `timeoutMs`. */
  goodbye(timeoutMs: number): Promise<void>;
}

const PROMPT_MS = 50;
/** A data plane that said no goodbye is forgotten after a day, if no controller has done so before. */
const EXPIRY_MS = 86_400_000;

const reply = z.tuple([z.number().int().min(1), z.number()]);

export function startHeartbeat(options: HeartbeatOptions): HeartbeatSender {
  return new Sender(options);
}

class Sender implements HeartbeatSender {
  readonly #options: HeartbeatOptions;
  readonly #key: string;
  readonly #script = scriptText(HEARTBEAT);
  readonly #counts = new RecentCounts();
  #timer: NodeJS.Timeout | undefined;
  #isPrompt = false;
  #sending: Promise<void> | undefined;
  #isOver = false;
  #problem = "";

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#key = dataPlanesKey(options.prefix, options.scope);
    options.client.on("ready", () => {
      this.prompt();
    });
    this.prompt();
  }

  prompt(): void {
    if (this.#isPrompt || this.#isOver) return;
    this.#isPrompt = true;
    this.#schedule(PROMPT_MS);
  }

  async goodbye(timeoutMs: number): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const { client, dataPlaneId } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    const leave = async (): Promise<void> => {
      await this.#sending; // or the heartbeat on its way would undo it
      if (client.status === "ready") await client.call("hdel", [this.#key, dataPlaneId]);
    };
    await Promise.race([leave().catch(() => {}), late]); // whoever is not heard counts as silent soon
    clearTimeout(timer);
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isPrompt = false;
      this.#sending ??= this.#send().finally(() => {
        this.#sending = undefined;
        if (!this.#isOver && !this.#isPrompt) this.#schedule(this.#intervalMs());
      });
    }, delayMs);
  }

  /** A quarter is drawn, so that data planes do not fall into step. */
  #intervalMs(): number {
    const { intervalMs = HEARTBEAT_MS, random } = this.#options;
    return intervalMs * (0.75 + random() * 0.25);
  }

  async #send(): Promise<void> {
    const { client, dataPlaneId, heartbeat, counted } = this.#options;
    if (client.status !== "ready") return; // when it is, it says so
    const texts = [dataPlaneId, JSON.stringify(heartbeat()), String(SILENT_AFTER_MS), String(EXPIRY_MS)];
    try {
      const [live] = reply.parse(await client.call("eval", [this.#script, "1", this.#key, ...texts]));
      counted(this.#counts.highest(live));
      this.#say("");
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  #say(problem: string): void {
    if (problem === this.#problem || this.#isOver) return;
    this.#problem = problem;
    const { log } = this.#options;
    if (problem === "") log.info({}, "heartbeats reach Redis again");
    else log.warn({ reason: problem }, "a heartbeat did not reach Redis");
  }
}

/** After a Redis lost its memory the first to come back counts alone: the highest of the last counts is nearer to the truth. */
class RecentCounts {
  #counts: { readonly count: number; readonly atMs: number }[] = [];

  highest(count: number): number {
    const atMs = performance.now();
    this.#counts = this.#counts.filter((each) => atMs - each.atMs < SILENT_AFTER_MS);
    this.#counts.push({ count, atMs });
    return Math.max(...this.#counts.map((each) => each.count));
  }
}
