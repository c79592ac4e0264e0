// The vocabulary of limits as the data plane runs them. Pure types; contract/ says how they travel, match.ts and decide.ts use them.

import type { Template } from "./template.ts";
import type { Unit } from "./usage.ts";
import type { Window } from "./window.ts";

export type Mode = "Enforce" | "Shadow";

export type FactType =
  | "Consumer"
  | "ConsumerGroup"
  | "Credential"
  | "Model"
  | "Provider"
  | "Backend"
  | "Route"
  | "Service"
  | "Path"
  | "Method"
  | "Header"
  | "Query"
  | "IP";

export type MatchKind = "Exact" | "Prefix" | "Glob" | "CIDR";

/** One condition of `when`. No values: the fact only has to be present. */
export interface Condition {
  readonly type: FactType;
  /** Lower-case header name with Header, name of the parameter with Query; with no other type. */
  readonly name?: string | undefined;
  readonly by?: "Name" | "Username" | "CustomID" | undefined;
  readonly match: MatchKind;
  readonly values: readonly string[];
}

/** One part of what a counter is kept for. */
export interface KeyPart {
  readonly type: FactType | "Template" | "Shared";
  readonly name?: string | undefined;
  /** Text of the template; only with Template. */
  readonly value?: string | undefined;
  /** The same, ready to be used. */
  readonly template?: Pick<Template, "resolve"> | undefined;
  /** The limit does not concern requests without it. */
  readonly skipIfMissing?: boolean | undefined;
}

export interface Limit {
  readonly name: string;
  /** Stable identity of the counter: survives edits of everything but name, unit, window and the types of `per`. */
  readonly counterId: string;
  readonly policy: PolicyRef;
  readonly mode: Mode;
  readonly when: readonly Condition[];
  readonly per: readonly KeyPart[];
  readonly unit: Unit;
  /** Positive integer below 2^53; nano units of a currency (1e-9) with unit Cost. */
  readonly limit: number;
  /** Where requests bring the limit; `limit` is then the greatest that is taken. */
  readonly limitTemplate?: string | undefined;
  /** Where requests bring the window's length; that of `window` is then the greatest that is taken. */
  readonly windowTemplate?: string | undefined;
  /** It concerns requests that no other limit of its policy concerns. */
  readonly fallback?: boolean | undefined;
  /** Key values that are told apart in a window; the rest counts together. */
  readonly maxKeys?: number | undefined;
  /** What a request counts for: always with unit Expression, if wanted with Cost and RequestPrompt. */
  readonly expression?: string | undefined;
  /** With RequestPrompt: what a refused request asks for is counted too. */
  readonly chargeRefused?: boolean | undefined;
  readonly window: Window;
  readonly label: Label;
  /** Whose budget it is, where that is not the caller: an ancestor that the policy names. */
  readonly level?: Level | undefined;
}

/** A consumer above the caller. */
export interface Level {
  /** Of the caller's namespace. */
  readonly name: string;
  /** 1: the caller's parent. */
  readonly above: number;
}

export interface PolicyRef {
  readonly namespace: string;
  readonly name: string;
  /** Of a policy for all namespaces: in whose place its counters and notifications lie. Absent: in its namespace's. */
  readonly part?: string | undefined;
}

/** Text for headers and messages: fixed, or the value of a fact in this request (the limit's name when it is absent). */
export type Label =
  | { readonly kind: "fixed"; readonly text: string }
  | {
      readonly kind: "fact";
      readonly type: "Backend" | "Provider" | "Model";
      /** Follows the value; tells limits apart that share window and fact. */
      readonly suffix?: string | undefined;
    };
