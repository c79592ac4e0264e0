// An API server over HTTP on the loopback, small enough to break at will: lists with pages, watches, bookmarks, compaction,
// creates, replaces and patches with conflicts, server-side apply of status as far as conditions go. Objects of all groups share one
// store, by plural; what lies in no namespace has "" for one. It answers as the API's documentation says, not as one version of it does.

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Fault =
  | { readonly kind: "status"; readonly code: number; readonly reason: string; readonly retryAfterSeconds?: number }
  /** The connection is reset before the answer. */
  | { readonly kind: "reset" }
  /** Taken, never answered. */
  | { readonly kind: "silent" }
  /** Does what is asked, then resets the connection instead of answering. */
  | { readonly kind: "answer-lost" }
  /** Does what is asked, and answers so when the promise has settled: by then the answer may be outdated. */
  | { readonly kind: "answer-held"; readonly until: Promise<void> }
  /** Done and answered when the promise has settled. */
  | { readonly kind: "held"; readonly until: Promise<void> };

const manifest = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
});
const stored = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), uid: z.string(), resourceVersion: z.string() }),
});
export type StoredObject = z.infer<typeof stored>;

interface Change {
  readonly version: number;
  readonly plural: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: StoredObject;
}

interface Watch {
  readonly plural: string;
  readonly matches: (object: StoredObject) => boolean;
  readonly response: ServerResponse;
  muted: boolean;
}

interface Route {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly part: string | undefined;
}

export async function startFakeKubeApi(): Promise<FakeKubeApi> {
  const api = new FakeKubeApi();
  await api.listen();
  return api;
}

export class FakeKubeApi {
  readonly requests: SeenRequest[] = [];
  kubeconfig = "";
  readonly #server: Server;
  readonly #objects = new Map<string, StoredObject>();
  readonly #history: Change[] = [];
  readonly #pages = new Map<string, readonly StoredObject[]>();
  readonly #watches = new Set<Watch>();
  readonly #faults: { readonly matches: (request: SeenRequest) => boolean; readonly fault: Fault; left: number }[] = [];
  #version = 100;
  #compacted = 0;
  #uids = 0;
  #folder = "";

  constructor() {
    this.#server = createServer((request, response) => {
      this.#receive(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.#folder = mkdtempSync(join(tmpdir(), "airl-kube-"));
    this.kubeconfig = join(this.#folder, "config");
    const cluster = { server: `http://127.0.0.1:${address.port}`, "insecure-skip-tls-verify": true };
    const config = {
      "current-context": "fake",
      clusters: [{ name: "fake", cluster }],
      contexts: [{ name: "fake", context: { cluster: "fake", user: "me" } }],
      users: [{ name: "me", user: { token: "planted-token" } }],
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Creates or replaces; a new object gets a new uid. */
  put(plural: string, object: z.input<typeof manifest>): StoredObject {
    const read = manifest.parse(object);
    const { namespace, name } = read.metadata;
    const old = this.find(plural, namespace, name);
    this.#version += 1;
    const uid = old?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    const kept = stored.parse({ ...read, metadata: { ...read.metadata, uid, resourceVersion: String(this.#version) } });
    this.#objects.set(`${plural}/${namespace}/${name}`, kept);
    this.#record({ version: this.#version, plural, type: old === undefined ? "ADDED" : "MODIFIED", object: kept });
    return kept;
  }

  remove(plural: string, namespace: string, name: string): void {
    const old = this.find(plural, namespace, name);
    if (old === undefined) throw new Error(`no ${plural} ${namespace}/${name}`);
    this.#version += 1;
    this.#objects.delete(`${plural}/${namespace}/${name}`);
    const metadata = { ...old.metadata, resourceVersion: String(this.#version) };
    this.#record({ version: this.#version, plural, type: "DELETED", object: { ...old, metadata } });
  }

  find(plural: string, namespace: string, name: string): StoredObject | undefined {
    return this.#objects.get(`${plural}/${namespace}/${name}`);
  }

  all(plural: string): readonly StoredObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${plural}/`)).map(([, object]) => object);
  }

  /** The next `times` requests that match meet the fault. */
  fail(matches: (request: SeenRequest) => boolean, fault: Fault, times = 1): void {
    this.#faults.push({ matches, fault, left: times });
  }

  /** Forgets the past: watches from before, and pages not fetched yet, answer 410. */
  compact(): void {
    this.#version += 1;
    this.#compacted = this.#version;
    this.#pages.clear();
  }

  openWatches(plural: string): number {
    return [...this.#watches].filter((watch) => watch.plural === plural).length;
  }

  bookmark(): void {
    this.#send({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(this.#version) } } });
  }

  errorInWatches(code: number, reason: string): void {
    this.#send({ type: "ERROR", object: { kind: "Status", status: "Failure", code, reason } });
    this.endWatches();
  }

  endWatches(): void {
    for (const { response } of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Half an event, then a reset. */
  cutWatches(): void {
    for (const { response } of this.#watches) {
      response.write(`{"type":"ADDED","object":{"metadata":{"na`, () => response.destroy());
    }
    this.#watches.clear();
  }

  /** Open watches stay open and hear nothing more, as behind a dead load balancer. */
  muteWatches(): void {
    for (const watch of this.#watches) watch.muted = true;
  }

  #record(change: Change): void {
    this.#history.push(change);
    for (const watch of this.#watches) {
      if (watch.plural === change.plural && watch.matches(change.object)) this.#write(watch, change);
    }
  }

  #send(line: object): void {
    for (const watch of this.#watches) this.#write(watch, line);
  }

  #write(watch: Watch, line: object): void {
    if (watch.muted) return;
    const { version: _version, plural: _plural, ...event } = { version: 0, plural: "", ...line };
    watch.response.write(`${JSON.stringify(event)}\n`);
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = await readRequest(request);
    this.requests.push(seen);
    const fault = this.#faultFor(seen);
    if (fault?.kind === "held") await fault.until;
    if (fault === undefined || fault.kind === "held") {
      this.#answer(seen, response);
    } else if (fault.kind === "status") {
      refuse(response, fault);
    } else if (fault.kind === "answer-held") {
      const reply = this.#reply(readRoute(seen.path), seen);
      await fault.until;
      answer(response, reply);
    } else if (fault.kind !== "silent") {
      if (fault.kind === "answer-lost") this.#answer(seen, undefined);
      request.socket.destroy();
    }
  }

  #faultFor(request: SeenRequest): Fault | undefined {
    const found = this.#faults.find(({ matches, left }) => left > 0 && matches(request));
    if (found !== undefined) found.left -= 1;
    return found?.fault;
  }

  /** Without a response the deed is done all the same. */
  #answer(request: SeenRequest, response: ServerResponse | undefined): void {
    const route = readRoute(request.path);
    if (request.method === "GET" && request.query["watch"] === "true") {
      if (response !== undefined) this.#watch(route, request, response);
      return;
    }
    const reply = this.#reply(route, request);
    if (response !== undefined) answer(response, reply);
  }

  #reply(route: Route, request: SeenRequest): { readonly code: number; readonly body: object } {
    const { plural, namespace = "", name } = route;
    if (request.method === "POST") return this.#create(plural, namespace, parseObject(request.body));
    if (name === undefined) return this.#list(route, request);
    const old = this.find(plural, namespace, name);
    if (old === undefined) return failure(404, "NotFound");
    if (request.method === "GET") return { code: 200, body: old };
    if (request.method === "PATCH" && route.part !== "status") return this.#patch(plural, old, request.body);
    const given = parseObject(request.body);
    if (request.method === "PATCH") return this.#applyStatus(plural, old, given);
    const isLatest = given.metadata["resourceVersion"] === old.metadata.resourceVersion;
    return isLatest ? { code: 200, body: this.put(plural, manifest.parse(given)) } : failure(409, "Conflict");
  }

  #create(plural: string, namespace: string, given: GivenObject): { readonly code: number; readonly body: object } {
    const { generateName, name = `${generateName ?? ""}${this.#version}` } = given.metadata;
    if (this.find(plural, namespace, name) !== undefined) return failure(409, "AlreadyExists");
    return { code: 201, body: this.put(plural, { ...given, metadata: { ...given.metadata, name, namespace } }) };
  }

  /** A JSON Patch that adds; one that sets another resourceVersion than the latest is a conflict. */
  #patch(plural: string, old: StoredObject, body: string): { readonly code: number; readonly body: object } {
    const patched: unknown = structuredClone(old);
    for (const { path, value } of patch.parse(JSON.parse(body))) setAt(patched, path.split("/").slice(1), value);
    const isLatest = stored.parse(patched).metadata.resourceVersion === old.metadata.resourceVersion;
    return isLatest ? { code: 200, body: this.put(plural, manifest.parse(patched)) } : failure(409, "Conflict");
  }

  #applyStatus(
    plural: string,
    old: StoredObject,
    given: GivenObject,
  ): { readonly code: number; readonly body: object } {
    const [before, after] = [statusOf(old), statusOf(given)];
    const types = new Set(after.conditions.map(({ type }) => type));
    const conditions = [...before.conditions.filter(({ type }) => !types.has(type)), ...after.conditions];
    return { code: 200, body: this.put(plural, { ...old, status: { ...before, ...after, conditions } }) };
  }

  #list(route: Route, { query }: SeenRequest): { readonly code: number; readonly body: object } {
    const { continue: token, limit = "0" } = query;
    const [version, from] = token === undefined ? [String(this.#version), "0"] : token.split("/");
    const snapshot = token === undefined ? this.#snapshot(route, query) : this.#pages.get(token);
    if (snapshot === undefined) return failure(410, "Expired");
    const end = Number(limit) === 0 ? snapshot.length : Number(from) + Number(limit);
    const more = end < snapshot.length ? { continue: `${version ?? ""}/${end}` } : {};
    if (more.continue !== undefined) this.#pages.set(more.continue, snapshot);
    const items = snapshot.slice(Number(from), end).map(({ kind: _kind, apiVersion: _api, ...item }) => item);
    return { code: 200, body: { metadata: { resourceVersion: version, ...more }, items } };
  }

  #snapshot(route: Route, query: SeenRequest["query"]): readonly StoredObject[] {
    return this.all(route.plural).filter(selector(route, query));
  }

  #watch(route: Route, { query }: SeenRequest, response: ServerResponse): void {
    const from = Number(query["resourceVersion"]);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    if (from < this.#compacted) {
      response.end(`${JSON.stringify({ type: "ERROR", object: failure(410, "Expired").body })}\n`);
      return;
    }
    const watch: Watch = { plural: route.plural, matches: selector(route, query), response, muted: false };
    response.on("close", () => this.#watches.delete(watch));
    for (const change of this.#history) {
      if (change.version > from && change.plural === route.plural && watch.matches(change.object)) {
        this.#write(watch, change);
      }
    }
    this.#watches.add(watch);
  }
}

async function readRequest(request: IncomingMessage): Promise<SeenRequest> {
  const url = new URL(request.url ?? "/", "http://fake");
  const pieces: Buffer[] = [];
  for await (const piece of request) if (Buffer.isBuffer(piece)) pieces.push(piece);
  const query = Object.fromEntries(url.searchParams);
  return { method: request.method ?? "", path: url.pathname, query, body: Buffer.concat(pieces).toString() };
}

const givenObject = z.looseObject({
  metadata: z.looseObject({ name: z.string().optional(), generateName: z.string().optional() }),
});
type GivenObject = z.infer<typeof givenObject>;

const patch = z.array(z.object({ op: z.literal("add"), path: z.string(), value: z.unknown() }));

function setAt(target: unknown, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (typeof target !== "object" || target === null) throw new Error("no object to patch");
  if (rest.length === 0) Reflect.set(target, key, value);
  else setAt(Reflect.get(target, key), rest, value);
}

const statusPart = z
  .looseObject({ conditions: z.array(z.looseObject({ type: z.string() })).default([]) })
  .default({ conditions: [] });

function statusOf(object: object): z.infer<typeof statusPart> {
  return z.object({ status: statusPart }).parse(object).status;
}

function parseObject(text: string): GivenObject {
  return givenObject.parse(JSON.parse(text));
}

/** /api/v1/namespaces/NS/PLURAL/NAME/PART, or /apis/GROUP/VERSION/..., with or without a namespace. */
function readRoute(path: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const rest = parts.slice(parts[0] === "api" ? 2 : 3).map(decodeURIComponent);
  const [plural = "", name, part] = rest[0] === "namespaces" ? rest.slice(2) : rest;
  return { plural, namespace: rest[0] === "namespaces" ? rest[1] : undefined, name, part };
}

function selector({ namespace }: Route, query: SeenRequest["query"]): (object: StoredObject) => boolean {
  const [, not] = /^type!=(.+)$/.exec(query["fieldSelector"] ?? "") ?? [];
  const [, only] = /^metadata\.name=(.+)$/.exec(query["fieldSelector"] ?? "") ?? [];
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (not === undefined || object["type"] !== not) &&
    (only === undefined || object.metadata.name === only);
}

function failure(code: number, reason: string): { readonly code: number; readonly body: object } {
  return { code, body: { kind: "Status", status: "Failure", code, reason, message: "server text with planted-token" } };
}

function answer(response: ServerResponse, { code, body }: { readonly code: number; readonly body: object }): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(
  response: ServerResponse,
  { code, reason, retryAfterSeconds }: Extract<Fault, { kind: "status" }>,
): void {
  const header = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  response.writeHead(code, { "content-type": "application/json", ...header });
  response.end(JSON.stringify(failure(code, reason).body));
}
