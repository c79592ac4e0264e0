// How compiled configuration lies in Redis, and how data planes answer for it: keys, channels and formats. The controller
// writes the configuration, data planes read it; the other way round for what data planes say of themselves.
// docs/redis.md shows it as a whole.

import { z } from "zod";
import { type CompiledObject, compiledObject } from "./compiled.ts";

/** Of everything in this file. A reader that meets another number keeps what it has. */
export const SCHEMA = 1;

/**
 * Beside the namespaces, the part of the configuration with the policies of scope Cluster: every data plane reads it,
 * whatever namespaces it serves. In all keys and names it stands in a namespace's place; none is called so, because their
 * names are in lower case.
 */
export const CLUSTER_PART = "Cluster";

/** Where an object is published: its namespace, or CLUSTER_PART. */
export function partOf(object: CompiledObject): string {
  return object.kind === "AIRateLimitPolicy" && object.scope === "Cluster" ? CLUSTER_PART : object.namespace;
}

/** All keys of a namespace's configuration share one slot: one script changes them together. */
function tagOf(namespace: string): string {
  return `{cfg:${namespace}}`;
}

/** Hash: schema, epoch, generation, revision. Example "airl:{cfg:ai}:head". */
export function headKey(prefix: string, namespace: string): string {
  return `${prefix}${tagOf(namespace)}:head`;
}

/** Hash of entries, field by `objectField`. Example "airl:{cfg:ai}:5f3a90c1d2e4b786:objects". */
export function objectsKey(prefix: string, namespace: string, generation: string): string {
  return `${prefix}${tagOf(namespace)}:${generation}:objects`;
}

/** Stream: id "<revision>-0"; fields are object fields, values their entries, or "" for what is gone. */
export function changesKey(prefix: string, namespace: string, generation: string): string {
  return `${prefix}${tagOf(namespace)}:${generation}:changes`;
}

/** Hash: namespace -> generation. What is not in it is not published. */
export function namespacesKey(prefix: string): string {
  return `${prefix}{cfg}:namespaces`;
}

/** Epoch of the leader that may write `namespacesKey`. */
export function epochKey(prefix: string): string {
  return `${prefix}{cfg}:epoch`;
}

/** Channel: "<generation> <revision>" after each change. Example "airl:cfg:ai". */
export function changeChannel(prefix: string, namespace: string): string {
  return `${prefix}cfg:${namespace}`;
}

/** Pattern of all change channels. */
export function changeChannels(prefix: string): string {
  return `${prefix}cfg:*`;
}

export const EVERY_NAMESPACE = "*";

/** Hash: data plane id -> "<Redis time in ms> <heartbeat>". `scope` is the one namespace served, or EVERY_NAMESPACE. */
export function dataPlanesKey(prefix: string, scope: string): string {
  return `${prefix}{dp:${scope}}:seen`;
}

/** Example "Consumer/user1". */
export function objectField({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}

const count = z.number().int().min(0);

/** One published object. */
export const publishedEntry = z.strictObject({
  /** Revision of the namespace in which this object changed last. */
  revision: count,
  /** metadata.generation of the manifest it was compiled from; 0 when unknown. */
  generation: count,
  /** metadata.uid; "" when unknown. */
  uid: z.string(),
  object: compiledObject,
});

/** What one data plane says of itself every few seconds, and at once when it has taken over a change. */
export const heartbeat = z.strictObject({
  schema: z.literal(SCHEMA),
  /** Of the program. */
  version: z.string(),
  /** Absent outside a cluster. */
  pod: z.strictObject({ namespace: z.string(), name: z.string(), uid: z.string() }).optional(),
  /** Of the masters in its key ring, newest first. */
  keyIds: z.array(z.string()),
  /** The namespaces that it serves; absent: all. */
  serves: z.array(z.string()).optional(),
  /** What is in force there, by namespace. */
  namespaces: z.record(z.string(), z.strictObject({ generation: z.string(), revision: count })),
});

export type PublishedEntry = z.infer<typeof publishedEntry>;
export type Heartbeat = z.infer<typeof heartbeat>;

/** Data planes write a heartbeat this often; one that is silent for `SILENT_AFTER_MS` is told of. */
export const HEARTBEAT_MS = 5_000;
export const SILENT_AFTER_MS = 20_000;
