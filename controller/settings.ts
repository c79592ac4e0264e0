// The controller's settings: the environment -> typed, frozen Settings. The table is also what --help and docs/settings.md say.

import { DEFAULT_PREFIX } from "../dataplane/contract/keys.ts";
import { type RedisValues, readRedis, redisSettings } from "../settings/redis-settings.ts";
import { type Environment, type Setting, SettingsReader } from "../settings/setting.ts";
import type { SettingsTable } from "../settings/settings-page.ts";
import {
  address,
  KEYRING_FILE,
  keyPrefix,
  logLevel,
  namespaces,
  SYSTEM_NAMESPACE,
  words,
} from "../settings/shared-settings.ts";
import { type Address, isNamespace, readDuration } from "../settings/values.ts";

export interface ControllerSettings {
  /** Where the configuration is published. */
  readonly redis: RedisValues;
  readonly keyPrefix: string;
  /** Undefined: that of the Pod. */
  readonly kubeconfig: string | undefined;
  readonly admin: Address;
  readonly keyRingFile: string;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly systemNamespace: string;
  readonly logLevel: string;
  readonly webhook: WebhookSettings | undefined;
  readonly lease: { readonly namespace: string; readonly name: string };
  readonly leaseMs: number;
  readonly watchSilenceMs: number;
  /** Undefined: nothing is posted. */
  readonly notify: NotifySettings | undefined;
  /** Of this process, for the lease and for events. */
  readonly podName: string;
}

export interface NotifySettings {
  /** Maybe with a secret in it. */
  readonly url: string;
  readonly headerFile: string | undefined;
}

export interface WebhookSettings {
  readonly listen: Address;
  /** Files that others replace, or what the controller makes itself. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | CertificatePlace;
}

export interface CertificatePlace {
  readonly secret: Placed;
  readonly service: Placed;
  /** Name of the ValidatingWebhookConfiguration. */
  readonly configuration: string;
}

interface Placed {
  readonly namespace: string;
  readonly name: string;
}

const REDIS = redisSettings({
  prefix: "AIRL_REDIS",
  urlText: "Where data planes count, and where the configuration is published unless it has a Redis of its own.",
});
const CONFIG_REDIS = redisSettings({
  prefix: "AIRL_CONFIG_REDIS",
  urlText: "Where the configuration is published, when that is another Redis. None of the settings above holds for it.",
});
const KUBECONFIG = words({
  name: "KUBECONFIG",
  type: "FILE[:FILE]",
  text: "How the API server is reached. Not set: as the Pod's ServiceAccount.",
});
const ADMIN = address({
  name: "AIRL_ADMIN_LISTEN",
  fallback: "0.0.0.0:9090",
  text: "Where /readyz, /livez and /metrics are served.",
});
const NAMESPACES = namespaces("Watch these namespaces only. Not set: all.");
const LOG_LEVEL = logLevel("Logs are JSON on standard error.");
const KEY_PREFIX = keyPrefix(DEFAULT_PREFIX);
const WEBHOOK_LISTEN = address({
  name: "AIRL_WEBHOOK_LISTEN",
  fallback: "0.0.0.0:9443",
  text: "Where the admission webhook is served, by TLS; only with a certificate.",
});
const WEBHOOK_CERT = words({
  name: "AIRL_WEBHOOK_CERT_FILE",
  type: "FILE",
  text: "PEM certificate of the webhook, with its chain. Read again when it changes. Not set: no webhook.",
});
const WEBHOOK_KEY = words({
  name: "AIRL_WEBHOOK_KEY_FILE",
  type: "FILE",
  text: "PEM key of that certificate.",
});
const CERT_SECRET = objectName({
  name: "AIRL_WEBHOOK_CERT_SECRET",
  text: "Instead of the files: the Secret in the Pod's namespace where the controller keeps certificates that it makes and renews itself.",
});
const WEBHOOK_SERVICE: Setting<string> = {
  ...words({
    name: "AIRL_WEBHOOK_SERVICE",
    type: "NAME",
    text: "The webhook's Service in the Pod's namespace: what these certificates are for.",
  }),
  wanted: "a name of at most 63 lower-case letters, digits and -",
  read: (text) => (isNamespace(text) ? text : undefined),
};
const WEBHOOK_CONFIGURATION = objectName({
  name: "AIRL_WEBHOOK_CONFIGURATION",
  text: "The ValidatingWebhookConfiguration whose caBundle the controller keeps in step with these certificates.",
});
const LEASE_NAME: Setting<string> = {
  ...words({
    name: "AIRL_LEASE_NAME",
    type: "NAME",
    fallback: "ai-rate-limit-controller",
    text: "The Lease that the replicas contend for.",
  }),
  wanted: "a name of at most 63 lower-case letters, digits and -",
  read: (text) => (isNamespace(text) ? text : undefined),
};
const LEASE_NAMESPACE: Setting<string> = {
  ...words({
    name: "AIRL_POD_NAMESPACE",
    type: "NAME",
    text: "The Pod's namespace, where the Lease lies. Not set: the system namespace.",
  }),
  wanted: "the name of a namespace",
  read: (text) => (isNamespace(text) ? text : undefined),
};
const MIN_LEASE_MS = 3_000;
const LEASE_DURATION: Setting<number> = {
  name: "AIRL_LEASE_DURATION",
  type: "DURATION",
  fallback: "15s",
  text: "When a leader falls silent, another replica leads within this time.",
  wanted: "whole seconds, for example 15s, from 3s to 300s",
  read: (text) => {
    const ms = readDuration(text);
    return ms !== undefined && ms % 1_000 === 0 && ms >= MIN_LEASE_MS && ms <= 300_000 ? ms : undefined;
  },
};
const WATCH_SILENCE: Setting<number> = {
  name: "AIRL_WATCH_SILENCE",
  type: "DURATION",
  fallback: "120s",
  text: "A watch that is silent for so long is begun anew: its connection may be dead. API servers send a sign each minute.",
  wanted: "for example 120s, from 1s to 300s",
  read: (text) => {
    const ms = readDuration(text);
    return ms !== undefined && ms >= 1_000 && ms <= 300_000 ? ms : undefined;
  },
};
const NOTIFY_URL: Setting<string> = {
  ...words({
    name: "AIRL_NOTIFY_URL",
    type: "URL",
    text: "Where a CloudEvent is posted when a counter reaches a percentage of its limit (docs/notifications.md). Not set: nowhere.",
  }),
  wanted: "an http:// or https:// URL without user and password",
  isSecret: true,
  read: (text) => (isHttpUrl(text) ? text : undefined),
};
const NOTIFY_HEADER = words({
  name: "AIRL_NOTIFY_HEADER_FILE",
  type: "FILE",
  text: 'A file of one line "Name: value": a header of these posts, such as Authorization. Read again when it changes.',
});
const POD_NAME = words({
  name: "AIRL_POD_NAME",
  type: "NAME",
  fallback: "ai-rate-limit-controller",
  text: "Its Pod: who holds the Lease and reports events.",
});

export const CONTROLLER_SETTINGS: SettingsTable = {
  title: "Controller",
  text: "Watches the custom resources, publishes them compiled to Redis, and says in their status what came of them.",
  command: "node dist/controller/main.js",
  settings: [
    KUBECONFIG,
    ...Object.values<Setting<unknown>>({ ...REDIS }),
    ...Object.values<Setting<unknown>>({ ...CONFIG_REDIS }),
    KEY_PREFIX,
    ADMIN,
    KEYRING_FILE,
    NAMESPACES,
    SYSTEM_NAMESPACE,
    LOG_LEVEL,
    WEBHOOK_LISTEN,
    WEBHOOK_CERT,
    WEBHOOK_KEY,
    CERT_SECRET,
    WEBHOOK_SERVICE,
    WEBHOOK_CONFIGURATION,
    LEASE_NAME,
    LEASE_DURATION,
    WATCH_SILENCE,
    NOTIFY_URL,
    NOTIFY_HEADER,
    POD_NAME,
    LEASE_NAMESPACE,
  ],
};

/** Throws SettingsError, which names every variable that is wrong. */
export function readControllerSettings(environment: Environment = process.env): ControllerSettings {
  const reader = new SettingsReader(environment);
  const redis = readConfigRedis(reader);
  const admin = reader.one(ADMIN);
  const keyRingFile = reader.one(KEYRING_FILE);
  const systemNamespace = reader.one(SYSTEM_NAMESPACE) ?? "";
  const ownNamespace = reader.one(LEASE_NAMESPACE) ?? systemNamespace;
  const rest = {
    keyPrefix: reader.one(KEY_PREFIX) ?? DEFAULT_PREFIX,
    kubeconfig: reader.one(KUBECONFIG),
    namespaces: reader.one(NAMESPACES),
    systemNamespace,
    logLevel: reader.one(LOG_LEVEL) ?? "",
    webhook: readWebhook(reader, ownNamespace),
    lease: { namespace: ownNamespace, name: reader.one(LEASE_NAME) ?? "" },
    leaseMs: reader.one(LEASE_DURATION) ?? 0,
    watchSilenceMs: reader.one(WATCH_SILENCE) ?? 0,
    notify: readNotify(reader),
    podName: reader.one(POD_NAME) ?? "",
  };
  return reader.finish(() => {
    if (!redis || !admin || keyRingFile === undefined) return undefined;
    return { redis, admin, keyRingFile, ...rest };
  });
}

/** The one that is published to. A counters' Redis beside it is the data planes' matter. */
function readConfigRedis(reader: SettingsReader): RedisValues | undefined {
  const counters = readRedis(reader, REDIS);
  const found = readRedis(reader, CONFIG_REDIS) ?? counters;
  if (found === undefined) {
    reader.fault(`${CONFIG_REDIS.url.name} or ${REDIS.url.name} is not set: wanted ${REDIS.url.wanted}`);
  }
  return found;
}

function readNotify(reader: SettingsReader): NotifySettings | undefined {
  const url = reader.one(NOTIFY_URL);
  const headerFile = reader.one(NOTIFY_HEADER);
  if (url !== undefined) return { url, headerFile };
  if (headerFile !== undefined) reader.fault(`${NOTIFY_HEADER.name} is set: wanted ${NOTIFY_URL.name} beside it`);
  return undefined;
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
}

function readWebhook(reader: SettingsReader, namespace: string): WebhookSettings | undefined {
  const listen = reader.one(WEBHOOK_LISTEN);
  const files = allOrNone(reader, [WEBHOOK_CERT, WEBHOOK_KEY]);
  const made = allOrNone(reader, [CERT_SECRET, WEBHOOK_SERVICE, WEBHOOK_CONFIGURATION]);
  if (files.length > 0 && made.length > 0) {
    reader.fault(`${WEBHOOK_CERT.name} and ${CERT_SECRET.name}: wanted one way to a certificate, not both`);
  }
  const [certFile, keyFile] = files;
  if (certFile !== undefined && keyFile !== undefined) return listen && { listen, certificate: { certFile, keyFile } };
  const [secret, service, configuration] = made;
  if (secret === undefined || service === undefined || configuration === undefined) return undefined;
  const place = { secret: { namespace, name: secret }, service: { namespace, name: service }, configuration };
  return listen && { listen, certificate: place };
}

/** Values in their order, or none. Some of them are a fault. */
function allOrNone(reader: SettingsReader, settings: readonly Setting<string>[]): readonly string[] {
  const values = settings.map((setting) => reader.one(setting)).filter((value) => value !== undefined);
  if (values.length === settings.length || values.length === 0) return values;
  const names = settings.map(({ name }) => name);
  reader.fault(
    `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}: wanted ${names.length === 2 ? "both" : "all"} or none`,
  );
  return [];
}

function objectName(given: Pick<Setting<string>, "name" | "text">): Setting<string> {
  return {
    ...words({ ...given, type: "NAME" }),
    wanted: "a name of lower-case letters, digits, - and .",
    read: (text) => (text.length <= 253 && text.split(".").every(isNamespace) ? text : undefined),
  };
}
