// Keeps the webhook's certificates in one Secret that all replicas share, and every caBundle equal to its ca.crt. Any replica
// does what is due: what it writes names the version it has read, so of two that do the same one is first and the other
// looks again. Watches only say that it is time to look; what is done comes from what is read then.

import { bundleOf, MAX_AUTHORITIES, readAuthorities } from "../certificates/authorities.ts";
import {
  type CertificateSecret,
  readCertificateSecret,
  type SecretData,
  toSecretData,
} from "../certificates/certificate-secret.ts";
import { BACK_DATE_MS, issuePair } from "../certificates/issue-pair.ts";
import {
  CERTIFICATE_TIMES,
  type CertificateTimes,
  isToBeServed,
  type Known,
  nextStep,
  type Step,
} from "../certificates/next-step.ts";
import { readPair, type ServingPair } from "../certificates/serving-pair.ts";
import type { BackOffRange } from "../kube/back-off.ts";
import type { Clock } from "../kube/clock.ts";
import type { KubeApi } from "../kube/kube-api.ts";
import { KubeError, toKubeError } from "../kube/kube-error.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import { createReflector, type Reflector, type ReflectorReport, type ReflectorSettings } from "../kube/reflector.ts";
import { type ObjectName, type Resource, SECRETS, WEBHOOK_CONFIGURATIONS } from "../kube/resource.ts";
import { createTokenBucket, type TokenBucket } from "../kube/token-bucket.ts";
import { createWorkQueue, type WorkQueue } from "../kube/work-queue.ts";
import { bundlePatch, caBundlesOf, type PublishedAuthorities, trackPublished } from "./ca-bundles.ts";
import { dataOf, newSecret } from "./certificate-object.ts";
import type { TlsPair } from "./tls-pair.ts";

export type KeeperReport =
  /** The Secret was written; `problem`: what was wrong with it. */
  | { readonly kind: "written"; readonly change: Write["change"]; readonly problem: string | undefined }
  /** From now on new connections get this certificate. */
  | { readonly kind: "serving"; readonly endsMs: number }
  | { readonly kind: "published" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "watch-failed"; readonly of: string; readonly error: KubeError };

type Write = Extract<Step, { readonly kind: "write" }>;

export interface CertificateKeeperOptions {
  readonly api: Pick<KubeApi, "get" | "create" | "replace" | "patch" | "list" | "watch">;
  readonly secret: ObjectName;
  /** The ValidatingWebhookConfiguration. */
  readonly configuration: string;
  /** DNS names of the webhook. */
  readonly names: readonly string[];
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Serves new connections with it. */
  readonly use: (pair: TlsPair) => void;
  readonly report: (report: KeeperReport) => void;
  readonly times?: CertificateTimes;
  readonly reflectors?: Partial<ReflectorSettings>;
}

export interface CertificateKeeper {
  start(): void;
  /** Resolves when nothing is under way. Final. */
  stop(): Promise<void>;
}

const BACK_OFF: BackOffRange = { minMs: 500, maxMs: 30_000 };
/** Two who disagree about the names, or about the Secret, would else write in turn as fast as they can. */
const WRITE_RATE = { perSecond: 1 / 60, burst: 10 };
const WRITE_PAUSE_MS = 10_000;
const WORK = "certificates";

export function createCertificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  return new Keeper(options);
}

class Keeper implements CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #times: CertificateTimes;
  readonly #queue: WorkQueue;
  readonly #watches: readonly Reflector[];
  readonly #issues: TokenBucket;
  readonly #patches: TokenBucket;
  readonly #published: PublishedAuthorities = trackPublished();
  #served: ServingPair | undefined;
  /** The pair in the Secret, and since when. */
  #steady = { id: "", sinceMs: 0 };

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#times = options.times ?? CERTIFICATE_TIMES;
    const { clock, random, report } = options;
    this.#issues = createTokenBucket(WRITE_RATE, clock);
    this.#patches = createTokenBucket(WRITE_RATE, clock);
    this.#queue = createWorkQueue({
      clock,
      random,
      work: () => this.#look(),
      concurrency: 1,
      backOff: BACK_OFF,
      failed: (_key, error) => {
        report({ kind: "failed", error });
        return error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
      },
    });
    const { namespace, name } = options.secret;
    this.#watches = [
      this.#watch(SECRETS, namespace, name),
      this.#watch(WEBHOOK_CONFIGURATIONS, undefined, options.configuration),
    ];
  }

  start(): void {
    this.#queue.add(WORK);
    for (const watch of this.#watches) watch.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#queue.stop(), ...this.#watches.map((watch) => watch.stop())]);
  }

  #watch(resource: Resource, namespace: string | undefined, name: string): Reflector {
    const { api, clock, random, report, reflectors } = this.#options;
    const look = (): void => {
      this.#queue.add(WORK);
    };
    return createReflector({
      api,
      clock,
      random,
      scope: { resource, namespace, fieldSelector: `metadata.name=${name}` },
      handler: { upsert: look, remove: look, synced: look },
      report: (told: ReflectorReport) => {
        if (told.kind === "failed") report({ kind: "watch-failed", of: resource.kind, error: told.error });
      },
      ...(reflectors === undefined ? {} : { settings: reflectors }),
    });
  }

  /**
   * The configuration is read before the Secret, and written only as it was read: so no bundle is replaced by one that comes
   * from an older Secret. What fails with the configuration keeps nobody from having a certificate.
   */
  async #look(): Promise<void> {
    const { api, secret: place, clock, names } = this.#options;
    const configuration = await this.#readConfiguration();
    const secret = await api.get(SECRETS, place);
    const nowMs = clock.wallMs();
    const found = readCertificateSecret(secret && dataOf(secret), { names, nowMs });
    const known = this.#known(found, nowMs);
    const read = { configuration, secret, found };
    this.#serve(found, known);
    const failure = await this.#publish(read).then(
      () => undefined,
      (error: unknown) => toKubeError(error, "caBundle"),
    );
    await this.#take(nextStep(found, known, this.#times), read);
    if (failure !== undefined) throw failure;
  }

  /** Undefined: there is none. */
  async #readConfiguration(): Promise<KubeObject | KubeError | undefined> {
    const { api, clock, configuration: name } = this.#options;
    try {
      const found = await api.get(WEBHOOK_CONFIGURATIONS, { namespace: "", name });
      this.#published.saw(found === undefined ? [] : caBundlesOf(found), clock.monotonicMs());
      return found;
    } catch (thrown) {
      this.#published.saw(undefined, clock.monotonicMs());
      return toKubeError(thrown, "webhook configuration");
    }
  }

  #known({ current }: CertificateSecret, nowMs: number): Known {
    const atMs = this.#options.clock.monotonicMs();
    const id = current?.id ?? "";
    if (id !== this.#steady.id) this.#steady = { id, sinceMs: atMs };
    return {
      nowMs,
      served: this.#served,
      publishedForMs: (authority) => this.#published.forMs(authority, atMs),
      steadyForMs: atMs - this.#steady.sinceMs,
    };
  }

  #serve(found: CertificateSecret, known: Known): void {
    const { current, authorities } = found;
    if (current === undefined || current.id === known.served?.id) return;
    const { settleMs } = this.#times;
    if (!isToBeServed(current, known, { authorities, settleMs })) {
      this.#queue.addAfter(WORK, settleMs - (known.publishedForMs(current.authority) ?? 0));
      return;
    }
    const { use, report } = this.#options;
    use(current);
    this.#served = current;
    report({ kind: "serving", endsMs: current.endsMs });
  }

  /** What is there goes out before it is changed: a Secret that cannot be written keeps no caBundle from being repaired. */
  async #publish({ configuration, found }: Read): Promise<void> {
    if (configuration instanceof KubeError) throw configuration;
    if (configuration === undefined || found.current === undefined) return;
    const operations = bundlePatch(configuration, bundleOf(found.authorities));
    if (operations.length === 0) return;
    if (!this.#patches.tryTake()) {
      this.#queue.addAfter(WORK, WRITE_PAUSE_MS);
      return;
    }
    const { api, report, configuration: name } = this.#options;
    const isDone = await this.#first(
      api.patch(WEBHOOK_CONFIGURATIONS, { namespace: "", name }, operations),
      [404, 409],
    );
    if (isDone) report({ kind: "published" });
  }

  async #take(step: Step, read: Read): Promise<void> {
    if (step.kind === "wait") {
      this.#queue.addAfter(WORK, step.delayMs);
      return;
    }
    const isIssuing = step.current === "new" || step.next === "new";
    if (isIssuing && !this.#issues.tryTake()) {
      this.#queue.addAfter(WORK, WRITE_PAUSE_MS);
      return;
    }
    const { api, secret: place, report } = this.#options;
    const { secret, configuration } = read;
    const data = this.#dataAfter(step, secret);
    const isDone =
      secret === undefined
        ? await this.#first(
            api.create(
              SECRETS,
              place.namespace,
              newSecret(place, data, configuration instanceof KubeError ? undefined : configuration),
            ),
            [409],
          )
        : await this.#first(api.replace(SECRETS, place, { ...secret, data }), [404, 409]);
    if (isDone) report({ kind: "written", change: step.change, problem: read.found.problem });
  }

  /** False when another was first, which these statuses say: what it wrote is as good, and is looked at next. */
  async #first(write: Promise<unknown>, statuses: readonly number[]): Promise<boolean> {
    this.#queue.add(WORK);
    try {
      await write;
      return true;
    } catch (thrown) {
      if (thrown instanceof KubeError && statuses.includes(thrown.status)) return false;
      throw thrown;
    }
  }

  #dataAfter(step: Write, secret: KubeObject | undefined): SecretData {
    const current = step.current === "new" ? this.#issue() : step.current;
    const next = step.next === "new" ? this.#issue() : step.next;
    // In the order that they have: a promotion changes no caBundle.
    const others = step.others.slice(0, MAX_AUTHORITIES - 2);
    const authorities = [...others, current.authority, ...(next === undefined ? [] : [next.authority])];
    return toSecretData(secret === undefined ? {} : dataOf(secret), { current, next, authorities });
  }

  #issue(): ServingPair {
    const { clock, names } = this.#options;
    const nowMs = clock.wallMs();
    const issued = issuePair({ names, notBeforeMs: nowMs - BACK_DATE_MS, notAfterMs: nowMs + this.#times.lifeMs });
    const authorities = readAuthorities(issued.authority);
    const pair = readPair(issued.cert, issued.key, { names, authorities, nowMs });
    if ("problem" in pair) throw new Error(`what was issued is of no use: ${pair.problem}`);
    return pair;
  }
}

interface Read {
  /** Undefined: there is none. */
  readonly configuration: KubeObject | KubeError | undefined;
  readonly secret: KubeObject | undefined;
  readonly found: CertificateSecret;
}
