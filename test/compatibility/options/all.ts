// All tables, in the order of docs/compatibility.md.

import type { OptionTable } from "../option.ts";
import { APISIX_AI_PROXY, APISIX_CONSUMERS, APISIX_KEY_AUTH } from "./apisix-around.ts";
import { APISIX_LIMITS } from "./apisix-limits.ts";
import { KONG_AI_PROXY, KONG_CONSUMERS, KONG_KEY_AUTH, KONG_REDIS_ROWS } from "./kong-around.ts";
import { KONG_CALENDAR, KONG_LIMITS } from "./kong-limits.ts";

export const OPTION_TABLES: readonly OptionTable[] = [
  { ...KONG_LIMITS, rows: [...KONG_LIMITS.rows, ...KONG_REDIS_ROWS] },
  KONG_CALENDAR,
  KONG_KEY_AUTH,
  KONG_CONSUMERS,
  KONG_AI_PROXY,
  APISIX_LIMITS,
  APISIX_KEY_AUTH,
  APISIX_CONSUMERS,
  APISIX_AI_PROXY,
];
