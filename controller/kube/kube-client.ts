// The port over HTTP: which path, query and body each verb has, and what must be in the answer.

import { z } from "zod";
import { type Clock, machineClock } from "./clock.ts";
import { openClusterAccess } from "./cluster-access.ts";
import { type Call, createTransport, type Transport } from "./http-transport.ts";
import type { KubeApi, ListPage, PageRequest, PatchOperation, WatchRequest } from "./kube-api.ts";
import { KubeError, REASONS } from "./kube-error.ts";
import { type KubeObject, kubeObject } from "./kube-object.ts";
import { apiVersionOf, collectionPath, type ObjectName, objectPath, type Resource, type Scope } from "./resource.ts";
import { createWatchLines } from "./watch-lines.ts";

export interface KubeClientOptions {
  /** Paths as in KUBECONFIG; undefined: the Pod's own ServiceAccount. */
  readonly kubeconfig: string | undefined;
  /** For the head of an answer, and between two pieces of one that is read whole. Default 30 s. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Owner of the fields that we set, in managedFields. A change of it would leave the old fields to nobody. */
const FIELD_MANAGER = "ai-rate-limit";

const page = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1), continue: z.string().optional() }),
  items: z.array(kubeObject).nullable(),
});

const JSON_TYPE = "application/json";
/** JSON is YAML; API servers before 1.32 know this type alone. */
const APPLY_TYPE = "application/apply-patch+yaml";
const PATCH_TYPE = "application/json-patch+json";

/** Throws KubeError when the kubeconfig cannot be used. Connects with the first call. */
export function createKubeClient({ kubeconfig, timeoutMs = 30_000, clock = machineClock }: KubeClientOptions): KubeApi {
  const access = openClusterAccess(kubeconfig);
  return new KubeClient(createTransport({ access, clock, timeoutMs, userAgent: FIELD_MANAGER }));
}

type Body = Readonly<Record<string, unknown>>;

class KubeClient implements KubeApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(scope: Scope, { limit, continueToken, signal }: PageRequest): Promise<ListPage> {
    const path = collectionPath(scope.resource, scope.namespace);
    const more = continueToken === undefined ? {} : { continue: continueToken };
    const query = { ...selection(scope), limit: String(limit), ...more };
    return readPage(await this.#transport.json({ method: "GET", path, query, signal }), scope, path);
  }

  async watch(scope: Scope, request: WatchRequest): Promise<void> {
    const { resourceVersion, timeoutSeconds, signal, onEvent } = request;
    const path = collectionPath(scope.resource, scope.namespace);
    const lines = createWatchLines(`WATCH ${path}`, onEvent);
    const query = {
      ...selection(scope),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion,
      timeoutSeconds: String(timeoutSeconds),
    };
    await this.#transport.stream({ method: "GET", path, query, signal }, (bytes) => lines.push(bytes));
  }

  async get(resource: Resource, name: ObjectName): Promise<KubeObject | undefined> {
    const path = objectPath(resource, name);
    try {
      return readObject(await this.#transport.json({ method: "GET", path }), `GET ${path}`);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  async create(resource: Resource, namespace: string, object: Body): Promise<KubeObject> {
    const path = collectionPath(resource, namespace);
    const body = { type: JSON_TYPE, text: JSON.stringify(object) };
    return readObject(await this.#transport.json({ method: "POST", path, body }), `POST ${path}`);
  }

  async replace(resource: Resource, name: ObjectName, object: Body): Promise<KubeObject> {
    const path = objectPath(resource, name);
    const body = { type: JSON_TYPE, text: JSON.stringify(object) };
    return readObject(await this.#transport.json({ method: "PUT", path, body }), `PUT ${path}`);
  }

  async patch(resource: Resource, name: ObjectName, operations: readonly PatchOperation[]): Promise<KubeObject> {
    const path = objectPath(resource, name);
    const body = { type: PATCH_TYPE, text: JSON.stringify(operations) };
    return readObject(await this.#transport.json({ method: "PATCH", path, body }), `PATCH ${path}`);
  }

  async applyStatus(resource: Resource, name: ObjectName, status: Body): Promise<KubeObject> {
    const path = `${objectPath(resource, name)}/status`;
    const { kind } = resource;
    const applied = { apiVersion: apiVersionOf(resource), kind, metadata: { ...name }, status };
    const query = { fieldManager: FIELD_MANAGER, force: "true" };
    const body = { type: APPLY_TYPE, text: JSON.stringify(applied) };
    return readObject(await this.#transport.json({ method: "PATCH", path, query, body }), `PATCH ${path}`);
  }

  until(signal: AbortSignal): KubeApi {
    return new KubeClient(transportUntil(this.#transport, signal));
  }

  close(): void {
    this.#transport.close();
  }
}

function transportUntil(transport: Transport, until: AbortSignal): Transport {
  const bounded = (call: Call): Call => ({
    ...call,
    signal: call.signal === undefined ? until : AbortSignal.any([call.signal, until]),
  });
  return {
    json: (call) => transport.json(bounded(call)),
    stream: (call, onBytes) => transport.stream(bounded(call), onBytes),
    close: () => transport.close(),
  };
}

function selection({ fieldSelector }: Scope): Record<string, string> {
  return fieldSelector === undefined ? {} : { fieldSelector };
}

/** Items of a list do not say what they are; ours do. */
function readPage(body: unknown, { resource }: Scope, path: string): ListPage {
  const read = page.safeParse(body);
  if (!read.success) throw new KubeError({ status: 0, reason: REASONS.malformed, call: `GET ${path}` });
  const { metadata, items } = read.data;
  const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  return {
    items: (items ?? []).map((item) => ({ ...item, ...typed })),
    resourceVersion: metadata.resourceVersion,
    continueToken: metadata.continue === "" ? undefined : metadata.continue,
  };
}

function readObject(body: unknown, call: string): KubeObject {
  const read = kubeObject.safeParse(body);
  if (!read.success) throw new KubeError({ status: 0, reason: REASONS.malformed, call });
  return read.data;
}
