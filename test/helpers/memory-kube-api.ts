// The port to the API server over a map: no socket and no timer, so that a test with a hand clock knows when all is done.

import type { KubeApi, PatchOperation, WatchEvent, WatchRequest } from "../../controller/kube/kube-api.ts";
import { KubeError } from "../../controller/kube/kube-error.ts";
import { type KubeObject, kubeObject } from "../../controller/kube/kube-object.ts";
import type { ObjectName, Resource, Scope } from "../../controller/kube/resource.ts";
import { asRecord } from "../compiler/manifest-builders.ts";

type Given = Readonly<Record<string, unknown>>;
type Verb = "get" | "create" | "replace" | "patch" | "list" | "watch";

interface Change {
  readonly version: number;
  readonly plural: string;
  readonly event: WatchEvent;
}

interface Watcher {
  readonly plural: string;
  readonly request: WatchRequest;
}

export class MemoryKubeApi {
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<Watcher>();
  readonly #history: Change[] = [];
  #version = 1;
  #uids = 0;
  /** Calls so far. */
  calls = 0;

  /** What one client sees: calls for which `fails` says so get no answer. */
  client(fails: (verb: Verb, resource: Resource) => boolean = () => false): Pick<KubeApi, Verb> {
    const guarded = async <T>(verb: Verb, resource: Resource, call: () => T): Promise<T> => {
      this.calls += 1;
      await Promise.resolve();
      if (fails(verb, resource)) throw refusal(0, "ConnectionFailed");
      return call();
    };
    return {
      get: (resource, name) => guarded("get", resource, () => this.find(resource, name)),
      create: (resource, _namespace, object) => guarded("create", resource, () => this.#create(resource, object)),
      replace: (resource, name, object) => guarded("replace", resource, () => this.#replace(resource, name, object)),
      patch: (resource, name, operations) => guarded("patch", resource, () => this.#patch(resource, name, operations)),
      list: ({ resource }) =>
        guarded("list", resource, () => ({
          items: this.#all(resource),
          resourceVersion: String(this.#version),
          continueToken: undefined,
        })),
      watch: (scope, request) =>
        guarded("watch", scope.resource, () => undefined).then(() => this.#watch(scope, request)),
    };
  }

  find({ plural }: Resource, { namespace, name }: ObjectName): KubeObject | undefined {
    return this.#objects.get(`${plural}/${namespace}/${name}`);
  }

  /** Creates or replaces whatever is there. */
  put({ plural }: Resource, object: Given): KubeObject {
    this.#version += 1;
    const { metadata } = kubeObject.parse({
      ...object,
      metadata: { uid: "", resourceVersion: "", ...asRecord(object["metadata"]) },
    });
    const key = `${plural}/${metadata.namespace}/${metadata.name}`;
    const uid = this.#objects.get(key)?.metadata.uid ?? `uid-${String((this.#uids += 1))}`;
    const kept = kubeObject.parse({
      ...object,
      metadata: { ...metadata, uid, resourceVersion: String(this.#version) },
    });
    this.#objects.set(key, kept);
    this.#tell(plural, { kind: "upsert", object: kept });
    return kept;
  }

  remove(resource: Resource, name: ObjectName): void {
    const found = this.find(resource, name);
    if (found === undefined) return;
    this.#objects.delete(`${resource.plural}/${name.namespace}/${name.name}`);
    this.#version += 1;
    const metadata = { ...found.metadata, resourceVersion: String(this.#version) };
    this.#tell(resource.plural, { kind: "delete", object: { ...found, metadata } });
  }

  #all({ plural }: Resource): readonly KubeObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${plural}/`)).map(([, object]) => object);
  }

  #create(resource: Resource, object: Given): KubeObject {
    const { metadata } = kubeObject
      .pick({ metadata: true })
      .parse({ metadata: { uid: "", resourceVersion: "", ...asRecord(object["metadata"]) } });
    if (this.find(resource, metadata) !== undefined) throw refusal(409, "AlreadyExists");
    return this.put(resource, object);
  }

  #replace(resource: Resource, name: ObjectName, object: Given): KubeObject {
    const found = this.find(resource, name);
    if (found === undefined) throw refusal(404, "NotFound");
    if (kubeObject.parse(object).metadata.resourceVersion !== found.metadata.resourceVersion)
      throw refusal(409, "Conflict");
    return this.put(resource, object);
  }

  #patch(resource: Resource, name: ObjectName, operations: readonly PatchOperation[]): KubeObject {
    const found = this.find(resource, name);
    if (found === undefined) throw refusal(404, "NotFound");
    const patched: object = structuredClone(found);
    for (const { path, value } of operations) setAt(patched, path.split("/").slice(1), value);
    return this.#replace(resource, name, kubeObject.parse(patched));
  }

  #watch({ resource }: Scope, request: WatchRequest): Promise<void> {
    const watcher = { plural: resource.plural, request };
    for (const { version, plural, event } of this.#history) {
      if (plural === watcher.plural && version > Number(request.resourceVersion)) request.onEvent(event);
    }
    this.#watchers.add(watcher);
    return new Promise((_resolve, reject) => {
      request.signal.addEventListener("abort", () => {
        this.#watchers.delete(watcher);
        reject(refusal(0, "Aborted"));
      });
    });
  }

  #tell(plural: string, event: WatchEvent): void {
    this.#history.push({ version: this.#version, plural, event });
    for (const watcher of this.#watchers) if (watcher.plural === plural) watcher.request.onEvent(event);
  }
}

function refusal(status: number, reason: string): KubeError {
  return new KubeError({ status, reason, call: "a call" });
}

function setAt(target: unknown, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (typeof target !== "object" || target === null) throw new Error("no object to patch");
  if (rest.length === 0) Reflect.set(target, key, value);
  else setAt(Reflect.get(target, key), rest, value);
}
