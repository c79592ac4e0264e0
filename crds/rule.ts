// One rule, two readers: the API server evaluates it as CEL, our own parse as a function. Written once so that both say
// the same words. A message names what is wanted, as a noun phrase: it also ends "found ..., wanted ...".

import { z } from "zod";

export interface Rule<T> {
  /** CEL over `self`; kept cheap: no nested loops, every string and list it touches is bounded. */
  readonly cel: string;
  readonly message: string;
  /** The field that a finding points at, of a member by dots; the object itself when absent. */
  readonly field?: string;
  /** Members between which the rule chooses; a finding then says which of them are set. */
  readonly members?: readonly string[];
  readonly holds: (value: T) => boolean;
}

/**
 * The schema with rules attached for both readers. A rule runs only when no member is missing or of another type; other
 * errors do not hide it, so that a user sees all of them at once.
 */
export function withRules<T extends z.ZodType>(schema: T, rules: readonly Rule<z.output<T>>[]): T {
  const validations = rules.map(({ cel, message, field }) => ({
    rule: cel,
    message,
    ...(field === undefined ? {} : { fieldPath: `.${field}` }),
  }));
  return schema.check(...rules.map((rule) => toCheck(rule))).meta({ "x-kubernetes-validations": validations });
}

function toCheck<T>({ message, field, members, holds }: Rule<T>): z.core.$ZodCheck<T> {
  return z.refine<T>(holds, {
    message,
    path: field === undefined ? [] : field.split("."),
    params: { members },
  });
}

/** A union by presence: one member object is set and the others are absent. */
export function exactlyOneOf<K extends string>(...members: readonly K[]): Rule<Partial<Record<K, unknown>>> {
  const listed = `${members.slice(0, -1).join(", ")} and ${members.at(-1) ?? ""}`;
  return {
    cel: `[${members.map((member) => `has(self.${member})`).join(", ")}].exists_one(set, set)`,
    message: `exactly one of ${listed}`,
    members,
    holds: (value) => members.filter((member) => value[member] !== undefined).length === 1,
  };
}
