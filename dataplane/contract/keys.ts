// Every Redis key, and the hashes that make up a counter's identity. The controller and the data plane agree on them here.

import { createHash } from "node:crypto";

/** Counters spread over this many slot tags, so that a cluster shares the load and one turn's charges still merge. */
export const TAG_COUNT = 256;

/** All data planes of one product use one prefix; a setting may change it. */
export const DEFAULT_PREFIX = "airl:";

/** What a counter is kept for: type and value of each part of `per`, in order. */
export type KeyValues = readonly (readonly [type: string, value: string])[];

/** Length-prefixed, so that no two different lists encode alike. */
function encode(parts: readonly string[]): string {
  return parts.map((part) => `${String(Buffer.byteLength(part))}:${part}`).join("");
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

export interface CounterIdentity {
  readonly namespace: string;
  readonly policy: string;
  /** What policies of the namespace that share counters have in common, in place of the policy; absent or "" without. */
  readonly shared?: string | undefined;
  readonly limit: string;
  readonly unit: string;
  /** Canonical text of the window, e.g. "Sliding/60000"; "Sliding/*" where requests bring its length. */
  readonly window: string;
  /** Types of `per`, with the name or the template where there is one. */
  readonly per: readonly string[];
}

/** 11 characters of base64url (64 bits): the field of this limit's counter within a hash. Example "q0T3kX9vB1s". */
export function counterId(identity: CounterIdentity): string {
  const { namespace, policy, shared = "", limit, unit, window, per } = identity;
  const scope = shared === "" ? ["counter", namespace, policy] : ["shared counter", namespace, shared];
  return digest(encode([...scope, limit, unit, window, ...per]))
    .toString("base64url")
    .slice(0, 11);
}

export interface CounterKey {
  readonly key: string;
  readonly tag: number;
}

/**
 * The hash that holds all counters of these key values in a namespace. The namespace stands in the key as text, so that
 * an access rule can name it. Example "airl:c:{7f}:ai:Gm0wX4kT5yq2b8s1ZrVd3A".
 */
export function counterKey(prefix: string, namespace: string, values: KeyValues): CounterKey {
  const hash = digest(encode([namespace, ...values.flat()]));
  const tag = hash.readUInt8(16);
  const id = hash.subarray(0, 16).toString("base64url");
  return { key: `${prefix}c:{${tagText(tag)}}:${namespace}:${id}`, tag };
}

/** The last charge batch that a data plane has had applied in a tag. Example "airl:s:{7f}:9c1f0a7be2d34c55". */
export function sequenceKey(prefix: string, tag: number, dataPlaneId: string): string {
  return `${prefix}s:{${tagText(tag)}}:${dataPlaneId}`;
}

function tagText(tag: number): string {
  return tag.toString(16).padStart(2, "0");
}
