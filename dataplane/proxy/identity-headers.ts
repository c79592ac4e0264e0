// Headers in which gateways tell upstreams who a caller is. Limits may look at them; what they find there is what
// identification has found, never what the client sent under such a name.

import type { Exchange } from "./exchange.ts";

const PREFIXES = ["x-consumer-", "x-credential-"];
const ANONYMOUS = "x-anonymous-consumer";

/** `name` in lower case. An underscore counts as a dash, as for what goes upstream. */
export function tellsIdentity(name: string): boolean {
  if (!name.startsWith("x-") && !name.startsWith("x_")) return false;
  const dashed = name.replaceAll("_", "-");
  return dashed === ANONYMOUS || PREFIXES.some((prefix) => dashed.startsWith(prefix));
}

/** Undefined where there is nothing to tell, and for names that nobody gives a meaning to. */
export function identityHeader(
  name: string,
  { consumer, credential }: Pick<Exchange, "consumer" | "credential">,
): string | undefined {
  if (consumer === undefined) return undefined;
  switch (name.replaceAll("_", "-")) {
    case "x-consumer-username":
      return consumer.username;
    case "x-consumer-custom-id":
      return consumer.customID;
    case "x-consumer-groups":
      return consumer.groups.length === 0 ? undefined : consumer.groups.join(", ");
    case "x-credential-identifier":
      return credential;
    case ANONYMOUS:
      return credential === undefined ? "true" : undefined;
    default:
      return undefined;
  }
}
