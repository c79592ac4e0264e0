// The first request to send to a gateway on these manifests, ready to be copied, and what its answers will look like.

import { isRecord } from "../../compiler/is-record.ts";
import type {
  CompiledLimit,
  CompiledObject,
  CompiledPolicy,
  CompiledRoute,
} from "../../dataplane/contract/compiled.ts";
import { windowName } from "../../dataplane/contract/window-name.ts";
import { headerToken } from "../../dataplane/respond/limit-words.ts";
import type { CompiledFiles } from "../compile-files.ts";

export interface TryIt {
  readonly curl: string;
  readonly expected: readonly string[];
}

const PROMPT = "Who is Jimi Hendrix?";
/** What the demo upstream counts for a message with that text. */
const PROMPT_TOKENS = 5;

/** Undefined without a route, or without a consumer whose key stands in the files. */
export function tryIt({ objects, manifests }: CompiledFiles, origin: string): TryIt | undefined {
  const route = objects.find((object) => object.kind === "AIRoute");
  if (route === undefined) return undefined;
  const caller = firstCaller(manifests, objects, route.namespace);
  const credential = route.authentication.type === "None" ? NO_CREDENTIAL : caller && present(route, caller.key);
  if (credential === undefined) return undefined;
  const policy = objects
    .filter((object) => object.kind === "AIRateLimitPolicy")
    .find((one) => concerns(one, route, caller));
  const limit = policy?.limits[0];
  const body = { model: modelFor(limit), messages: [{ role: "user", content: PROMPT }] };
  const headers = [...credential.headers, ...hostHeader(route), "Content-Type: application/json"];
  const curl = [
    `curl -i ${shellQuoted(`${origin}${pathOf(route)}${credential.query}`)}`,
    ...headers.map((header) => `-H ${shellQuoted(header)}`),
    `-d ${shellQuoted(JSON.stringify(body))}`,
  ].join(" \\\n    ");
  return { curl, expected: policy && limit ? expectedHeaders(policy, limit) : [] };
}

interface Caller {
  readonly name: string;
  readonly key: string;
}

interface Credential {
  readonly headers: readonly string[];
  readonly query: string;
}

const NO_CREDENTIAL: Credential = { headers: [], query: "" };

/** The first consumer, in the order of the files, that the route knows and whose key is written out. */
function firstCaller(
  manifests: readonly unknown[],
  objects: readonly CompiledObject[],
  namespace: string,
): Caller | undefined {
  const known = new Set(
    objects
      .filter((object) => object.kind === "Consumer" && object.namespace === namespace)
      .map((object) => object.name),
  );
  for (const manifest of manifests) {
    if (!isRecord(manifest) || manifest["kind"] !== "Consumer") continue;
    const { metadata, spec } = manifest;
    const name = isRecord(metadata) ? metadata["name"] : undefined;
    const key = isRecord(spec) ? inlineKey(spec["credentials"]) : undefined;
    if (typeof name === "string" && known.has(name) && key !== undefined) return { name, key };
  }
  return undefined;
}

function inlineKey(credentials: unknown): string | undefined {
  const list: readonly unknown[] = Array.isArray(credentials) ? credentials : [];
  for (const credential of list) {
    const apiKey = isRecord(credential) ? credential["apiKey"] : undefined;
    const value = isRecord(apiKey) ? apiKey["value"] : undefined;
    if (typeof value === "string") return value;
  }
  return undefined;
}

/** The key in the first place that the route looks for one. */
function present({ authentication }: CompiledRoute, key: string): Credential | undefined {
  if (authentication.type === "None") return NO_CREDENTIAL;
  const places = authentication.type === "APIKey" ? authentication : authentication.apiKey;
  if (places === undefined) return undefined;
  const [header] = places.headers;
  const [query] = places.query;
  if (header === "authorization") return { headers: [`Authorization: Bearer ${key}`], query: "" };
  if (header !== undefined) return { headers: [`${header}: ${key}`], query: "" };
  return query === undefined
    ? undefined
    : { headers: [], query: `?${new URLSearchParams({ [query]: key }).toString()}` };
}

function concerns({ namespace, appliesTo }: CompiledPolicy, route: CompiledRoute, caller: Caller | undefined): boolean {
  const named = (list: readonly string[] | undefined, name: string): boolean =>
    list === undefined || list.includes(name);
  return (
    namespace === route.namespace &&
    named(appliesTo.consumers, caller?.name ?? "") &&
    named(appliesTo.routes, route.name)
  );
}

function hostHeader({ matches }: CompiledRoute): string[] {
  const hostname = matches[0]?.hostnames[0]?.replace("*", "any");
  return hostname === undefined ? [] : [`Host: ${hostname}`];
}

/** A route's prefix is followed by the API's own path; a chat body may go to any exact path. */
function pathOf({ matches }: CompiledRoute): string {
  const { type, value } = matches[0]?.path ?? { type: "PathPrefix", value: "/" };
  if (type === "Exact") return value;
  const prefix = value.replace(/\/+$/, "");
  return prefix.endsWith("/v1") ? `${prefix}/chat/completions` : `${prefix}/v1/chat/completions`;
}

/** A demo model whose answers use up the limit with the second request, so that the third shows a refusal. */
function modelFor(limit: CompiledLimit | undefined): string {
  if (limit === undefined || limit.unit === "Requests") return "demo-20";
  const promptTokens = limit.unit === "CompletionTokens" ? 0 : PROMPT_TOKENS;
  const completionTokens = Math.ceil(limit.limit / 2) - promptTokens;
  return `demo-${Math.min(Math.max(completionTokens, 1), 2_000)}`;
}

function expectedHeaders({ response }: CompiledPolicy, { name, limit, label, unit, window }: CompiledLimit): string[] {
  const shown = label.kind === "fixed" ? label.text : name;
  const suffix = `${windowName(window)}-${headerToken(shown)}`;
  const { formats, hide } = response.headers;
  const headers = [
    `X-AI-RateLimit-Limit-${suffix}: ${limit}`,
    `X-AI-RateLimit-Remaining-${suffix}: what is left, before this request`,
  ];
  const waits = response.statusCode < 400 ? "" : " with Retry-After";
  return [
    ...(formats.includes("Window") && hide === undefined ? headers : []),
    `and once ${limit} ${unit} per ${periodText(window)} are used up: status ${response.statusCode}${waits}`,
  ];
}

function periodText({ durationMs, calendar }: CompiledLimit["window"]): string {
  return calendar === undefined ? `${durationMs / 1000} s` : `calendar ${calendar.unit.toLowerCase()}`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
