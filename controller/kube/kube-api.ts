// The port to the API server: the few verbs that the controller needs. Every method rejects with KubeError and nothing else.

import type { KubeObject } from "./kube-object.ts";
import type { ObjectName, Resource, Scope } from "./resource.ts";

export interface ListPage {
  readonly items: readonly KubeObject[];
  /** Of the whole list, the same on each of its pages: where a watch goes on. */
  readonly resourceVersion: string;
  /** Undefined on the last page. */
  readonly continueToken: string | undefined;
}

export interface PageRequest {
  /** Objects in a page at most. */
  readonly limit: number;
  /** From the page before. A compacted one is a 410. */
  readonly continueToken?: string | undefined;
  readonly signal: AbortSignal;
}

export type WatchEvent =
  | { readonly kind: "upsert"; readonly object: KubeObject }
  | { readonly kind: "delete"; readonly object: KubeObject }
  | { readonly kind: "bookmark"; readonly resourceVersion: string };

export interface WatchRequest {
  readonly resourceVersion: string;
  /** After this the server ends the watch in good order. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent) => void;
}

/** Of a JSON Patch (RFC 6902): sets the member at a JSON pointer, there before or not. */
export interface PatchOperation {
  readonly op: "add";
  readonly path: string;
  readonly value: unknown;
}

export interface KubeApi {
  list(scope: Scope, request: PageRequest): Promise<ListPage>;
  /** Resolves when the server ends the watch in good order; rejects on anything else, an ERROR within the stream included. */
  watch(scope: Scope, request: WatchRequest): Promise<void>;
  /** Undefined when there is none. */
  get(resource: Resource, name: ObjectName): Promise<KubeObject | undefined>;
  /** 409 (AlreadyExists) when the name is taken. */
  create(resource: Resource, namespace: string, object: Readonly<Record<string, unknown>>): Promise<KubeObject>;
  /** The object names its resourceVersion; 409 when that is not the latest. */
  replace(resource: Resource, name: ObjectName, object: Readonly<Record<string, unknown>>): Promise<KubeObject>;
  /** 409 when an operation sets metadata.resourceVersion to one that is not the latest. */
  patch(resource: Resource, name: ObjectName, operations: readonly PatchOperation[]): Promise<KubeObject>;
  /**
   * Server-side apply on the status subresource, as our field manager and by force: it sets exactly the fields given, takes
   * back those it set before and no longer gives, and touches no field or condition of another owner. It goes by name: API
   * servers disregard a uid here.
   */
  applyStatus(resource: Resource, name: ObjectName, status: Readonly<Record<string, unknown>>): Promise<KubeObject>;
  /** The same, of which no call outlives the signal: what is under way then rejects at once, whatever the server does. */
  until(signal: AbortSignal): KubeApi;
  /** Gives idle connections back. Calls under way go on. */
  close(): void;
}
