// The webhook with its certificates, from files or from a Secret that this keeps itself.

import type { Logger } from "pino";
import type { Clock } from "../kube/clock.ts";
import type { KubeApi } from "../kube/kube-api.ts";
import type { ReflectorSettings } from "../kube/reflector.ts";
import type { ControllerMetrics } from "../metrics.ts";
import type { CertificatePlace, WebhookSettings } from "../settings.ts";
import { followCertificateFiles } from "./certificate-files.ts";
import { createCertificateKeeper, type KeeperReport } from "./certificate-keeper.ts";
import type { JudgeBeside } from "./judge-object.ts";
import { startWebhookServer, type WebhookServer } from "./server.ts";
import { expiryOf, type TlsPair } from "./tls-pair.ts";

export interface WebhookOptions {
  readonly settings: WebhookSettings;
  readonly systemNamespace: string;
  readonly api: KubeApi;
  readonly judgeBeside: JudgeBeside;
  readonly metrics: Pick<ControllerMetrics, "webhookReviewed" | "webhookCertificate" | "watchRestarted">;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly reflectors: Partial<ReflectorSettings>;
}

export interface Webhook {
  readonly port: number;
  /** There is a certificate, so that it can be asked. */
  isReady(): boolean;
  /** Resolves when connections under way have ended, or after 5 s. */
  close(): Promise<void>;
}

interface Certificates {
  stop(): Promise<void> | void;
}

const FILES_POLL_MS = 2_000;

/** Rejects when a certificate's files cannot be used, or the port is taken. A Secret is waited for in the background. */
export async function openWebhook(options: WebhookOptions): Promise<Webhook> {
  const { settings, systemNamespace, judgeBeside, metrics, log } = options;
  const server = await startWebhookServer({
    ...settings.listen,
    systemNamespace,
    judgeBeside,
    reviewed: (result) => {
      metrics.webhookReviewed(result);
    },
    failed: (err) => {
      log.error({ err }, "a review failed");
    },
  });
  let isReady = false;
  const use = (pair: TlsPair): void => {
    server.use(pair);
    isReady = true;
    metrics.webhookCertificate(expiryOf(pair) / 1000);
  };
  const { certificate } = settings;
  const certificates = await ("secret" in certificate
    ? keepSecret(certificate, use, options)
    : followFiles(certificate, use, { log, server }));
  return {
    port: server.port,
    isReady: () => isReady,
    async close() {
      await Promise.all([certificates.stop(), server.close()]);
    },
  };
}

type Use = (pair: TlsPair) => void;

interface Files {
  readonly certFile: string;
  readonly keyFile: string;
}

async function followFiles(
  given: Files,
  use: Use,
  { log, server }: { readonly log: Logger; readonly server: WebhookServer },
): Promise<Certificates> {
  try {
    const files = await followCertificateFiles({
      ...given,
      rereadMs: FILES_POLL_MS,
      changed: (pair) => {
        use(pair);
        log.info("the webhook's certificate has changed");
      },
      refused: (err) => {
        log.error({ err }, "the webhook's certificate cannot be used; the last good one stays");
      },
    });
    use(files.first);
    return files;
  } catch (error) {
    await server.close();
    throw error;
  }
}

function keepSecret(place: CertificatePlace, use: Use, options: WebhookOptions): Certificates {
  const { api, clock, random, reflectors } = options;
  const keeper = createCertificateKeeper({
    api,
    clock,
    random,
    reflectors,
    use,
    secret: place.secret,
    configuration: place.configuration,
    names: namesOf(place.service),
    report: reporter(options),
  });
  keeper.start();
  return keeper;
}

/** API servers ask for the third; the others are what somebody in the cluster may call it. */
function namesOf({ namespace, name }: CertificatePlace["service"]): readonly string[] {
  const inNamespace = `${name}.${namespace}`;
  return [name, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.cluster.local`];
}

/** Of what goes wrong again and again each reason is told once. */
function reporter({ log, metrics }: WebhookOptions): (report: KeeperReport) => void {
  let lastReason = "";
  return (told) => {
    if (told.kind === "failed") {
      const reason = told.error instanceof Error ? told.error.message : "unknown";
      if (reason !== lastReason) log.error({ reason }, "the webhook's certificates cannot be looked after");
      lastReason = reason;
      return;
    }
    if (told.kind === "watch-failed") {
      metrics.watchRestarted(told.of);
      log.warn({ kind: told.of, reason: told.error.message }, "the API server failed");
      return;
    }
    lastReason = "";
    tell(log, told);
  };
}

type Deed = Exclude<KeeperReport, { readonly kind: "failed" | "watch-failed" }>;

function tell(log: Logger, told: Deed): void {
  if (told.kind === "published") {
    log.info("the webhook's caBundle was set");
  } else if (told.kind === "serving") {
    log.info({ expires: new Date(told.endsMs).toISOString() }, "the webhook serves a new certificate");
  } else if (told.change === "repaired") {
    log.warn({ problem: told.problem }, "the webhook's certificate in the Secret was of no use; a new one was made");
  } else {
    log.info({ change: told.change }, "the Secret of the webhook's certificates was written");
  }
}
