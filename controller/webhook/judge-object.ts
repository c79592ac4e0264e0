// Whether an object may be stored: what is wrong with it by itself refuses it, what it misses or meets around it is a
// warning, because objects may come in any order. Pure but for the neighbourhood that it is given.

import { isDeepStrictEqual } from "node:util";
import { compile, type Manifest } from "../../compiler/compile.ts";
import type { Finding, FindingCode } from "../../compiler/finding.ts";
import { isRecord } from "../../compiler/is-record.ts";
import { findKind } from "../../crds/index.ts";
import { GROUP } from "../../crds/meta.ts";
import type { RingFor } from "../../dataplane/contract/keyring.ts";
import type { AdmissionRequest, Verdict } from "./admission-review.ts";
import { refusalText, warningTexts } from "./verdict-text.ts";

/**
 * All findings on the object, were it stored beside the others that are known now; undefined while they are not known.
 * Changes nothing, and is quick: the API server waits.
 */
export type JudgeBeside = (manifest: Manifest) => readonly Finding[] | undefined;

export interface JudgeDeps {
  /** Any keys will do: what is compiled here goes nowhere. */
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
  readonly judgeBeside?: JudgeBeside | undefined;
}

/** By itself every name that an object mentions is unknown, so that says nothing. */
const NEEDS_OTHERS: ReadonlySet<FindingCode> = new Set(["TargetNotFound", "SecretNotFound"]);

const ALLOWED: Verdict = { refusal: undefined, warnings: [] };

export function judgeObject(request: AdmissionRequest, deps: JudgeDeps): Verdict {
  const { operation, subResource, object } = request;
  const isWrite = operation === "CREATE" || operation === "UPDATE";
  // On its way out an object only loses finalizers; refusing that would keep it for ever.
  if (!isWrite || isNonEmpty(subResource) || isBeingDeleted(object)) return ALLOWED;
  const { group, kind } = request.kind;
  if (group !== GROUP || findKind(kind) === undefined) {
    return { refusal: undefined, warnings: [`ai-rate-limit does not check ${shown(kind)} objects of ${shown(group)}`] };
  }
  return judgeSpec(request, deps);
}

function judgeSpec(request: AdmissionRequest, { ringFor, systemNamespace, judgeBeside }: JudgeDeps): Verdict {
  const manifest = manifestOf(request);
  const { findings } = compile({ manifests: [manifest], ringFor, systemNamespace });
  const own = findings.filter(({ code }) => !NEEDS_OTHERS.has(code));
  const errors = own.filter(({ severity }) => severity === "error");
  if (errors.length > 0 && !isSpecUnchanged(request.object, request.oldObject)) {
    return { refusal: refusalText(`${request.kind.kind} ${nameOf(own)}`, errors), warnings: [] };
  }
  return { refusal: undefined, warnings: warningTexts([...own, ...(judgeBeside?.(manifest) ?? [])]) };
}

/** Of the metadata only what the compiler looks at: the rest is the API server's, which has checked it. */
function manifestOf({ object, namespace }: AdmissionRequest): Manifest {
  if (!isRecord(object)) return object;
  const { apiVersion, kind, metadata, spec } = object;
  if (!isRecord(metadata)) return { apiVersion, kind, metadata, spec };
  const generated = typeof metadata["generateName"] === "string" ? `${metadata["generateName"]}x` : undefined;
  return {
    apiVersion,
    kind,
    metadata: {
      name: metadata["name"] ?? generated,
      namespace: metadata["namespace"] ?? namespace,
      creationTimestamp: metadata["creationTimestamp"],
    },
    spec,
  };
}

/** Labels of an object that was stored before its spec became invalid can still be changed. */
function isSpecUnchanged(object: unknown, oldObject: unknown): boolean {
  return isRecord(object) && isRecord(oldObject) && isDeepStrictEqual(object["spec"], oldObject["spec"]);
}

function isBeingDeleted(object: unknown): boolean {
  const metadata = isRecord(object) ? object["metadata"] : undefined;
  return isRecord(metadata) && isNonEmpty(metadata["deletionTimestamp"]);
}

function isNonEmpty(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function nameOf([first]: readonly Finding[]): string {
  return first === undefined ? "" : `${first.object.namespace}/${first.object.name || "(no name)"}`;
}

/** A kind or group as it may stand in an HTTP header, which is where warnings travel. */
function shown(text: string): string {
  return /^[\w.-]{1,100}$/.test(text) ? text : "unknown";
}
