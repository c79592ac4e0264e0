// Mistakes that are easily made where limits of the two systems are rebuilt: their numbers, and the test that makes each.
// A test that shows one bears its number in its title: "kong trap 9".

interface Numbered {
  readonly number: number;
  /** What must hold here. */
  readonly rule: string;
}

export type Trap = Numbered & ({ readonly file: string } | { readonly later: string } | { readonly none: string });

const K = "test/compatibility/kong-traps.test.ts";
const A = "test/compatibility/apisix-traps.test.ts";
const V = "test/compatibility/apisix-variable-traps.test.ts";
const FALLBACK = "Another backend where the first is exhausted or fails.";
const IMPORT = "Reading the other system's own configuration.";

export const KONG_TRAPS: readonly Trap[] = [
  { number: 1, rule: "Remaining on a 200 leaves the present request out, unless it was held first.", file: K },
  {
    number: 2,
    rule: "Reset and Retry-After stand on refusals alone, and a format brings its own names only.",
    file: K,
  },
  { number: 3, rule: "Window names are second, minute, hour, day, month, year, else seconds.", file: K },
  { number: 4, rule: "Fixed and sliding windows lie on the grid of the epoch.", file: K },
  { number: 5, rule: "A sliding window weighs two buckets, below the second.", file: K },
  { number: 6, rule: "The bucket before lives as long as it counts.", file: K },
  { number: 7, rule: "The reset of a sliding window may reach into the next one.", file: K },
  { number: 8, rule: "Retry-After is whole, at least 1, and of one draw of jitter.", file: K },
  { number: 9, rule: "Usage at the limit refuses.", file: K },
  {
    number: 10,
    rule: "No stream is cut for a limit, and one that the client leaves is charged what was seen.",
    file: "test/proxy/relay.test.ts",
  },
  {
    number: 11,
    rule: "Running totals of streams are replaced, never added; a usage chunk that was asked for on the client's behalf is taken out.",
    file: "test/proxy/relay.test.ts",
  },
  {
    number: 12,
    rule: "Cached tokens are prompt tokens and reasoning tokens are completion tokens, whatever the provider's convention.",
    file: "test/providers/openai-usage.test.ts",
  },
  { number: 13, rule: "Compressed answers are read.", file: "test/proxy/compressed.test.ts" },
  {
    number: 14,
    rule: "Cost is per million tokens, by the prices of the backend that answered.",
    file: "test/proxy/units.test.ts",
  },
  { number: 15, rule: "A cost of 0.0000063 is not 0.", file: "test/proxy/units.test.ts" },
  { number: 16, rule: "Refusals and the gateway's own answers cost nothing.", file: K },
  { number: 17, rule: "All that match are charged; a refusal charges none.", file: K },
  { number: 18, rule: "Key values cannot run into each other.", file: K },
  { number: 19, rule: "Identity is not taken from headers of the client.", file: K },
  { number: 20, rule: "A missing identity counts by address, behind trusted proxies by theirs.", file: K },
  { number: 21, rule: "What no limit concerns passes without headers.", file: K },
  {
    number: 22,
    rule: "While Redis is away a data plane counts on alone, and adds everything once when it is back.",
    file: "test/redis/outage.test.ts",
  },
  {
    number: 23,
    rule: "Requests are counted where they are decided, at once.",
    file: "test/contract/counter-store.contract.ts",
  },
  { number: 24, rule: "Edits keep counters unless they change what is counted.", file: K },
  { number: 25, rule: "Of several groups the one that sorts first.", file: K },
  { number: 26, rule: "Of MostSpecific policies only one is in force.", file: K },
  { number: 27, rule: "Two limits with one header name are refused.", file: K },
  { number: 28, rule: "The general reset is the longest.", file: K },
  { number: 29, rule: "The message is a prefix, escaped, and its labels may be hidden.", file: K },
  {
    number: 30,
    rule: "Hidden quotas still leave Reset and Retry-After.",
    file: "test/compatibility/kong-header-traps.test.ts",
  },
  { number: 31, rule: "401 before 429 before 400.", file: K },
  {
    number: 32,
    rule: "A key of two consumers is told, and stays with the older.",
    file: "test/compiler/compile-consumer.test.ts",
  },
  { number: 33, rule: "Limits on models go by the model that the client asks for.", file: K },
  {
    number: 34,
    rule: "Conditions do not flap when a controller starts anew.",
    none: "Of the controller's status, not of limits; its own tests show it (test/controller, test/kubernetes).",
  },
  {
    number: 35,
    rule: "An estimate is corrected to the truth, in the window that was charged.",
    file: "test/unit/redis/pending-admission.test.ts",
  },
];

export const APISIX_TRAPS: readonly Trap[] = [
  { number: 1, rule: "Usage decides, not usage and what is asked.", file: A },
  { number: 2, rule: "Remaining leaves the present request out.", file: A },
  { number: 3, rule: "A window from the first request opens with the check.", file: A },
  { number: 4, rule: "A charge after the end opens a window of its own.", file: A },
  { number: 5, rule: "A limit can be one for each backend.", file: A },
  { number: 6, rule: "Edits keep the quota that is left.", file: A },
  { number: 7, rule: "Another unit is another counter.", file: A },
  {
    number: 8,
    rule: "What is answered when all backends are exhausted is the policy's to say.",
    file: "test/proxy/responses.test.ts",
  },
  { number: 9, rule: "One backend and several refuse alike.", file: "test/proxy/responses.test.ts" },
  { number: 10, rule: "The two spellings of fallback_strategy know different words.", later: IMPORT },
  { number: 11, rule: "Where no limit applies the request passes.", file: A },
  { number: 12, rule: "A key without a variable.", file: V },
  { number: 13, rule: "A default makes a key always known.", file: V },
  { number: 14, rule: "An empty header is there.", file: V },
  {
    number: 15,
    rule: "A limit that the client says has an upper bound.",
    file: V,
  },
  { number: 16, rule: "Two limits never share a counter by chance.", file: A },
  {
    number: 17,
    rule: "A limit that cannot be read refuses the request.",
    file: V,
  },
  { number: 18, rule: "All that apply are charged.", file: A },
  { number: 19, rule: "A refusal shows all limits.", file: A },
  { number: 20, rule: "A label that no header can bear is refused.", file: A },
  { number: 21, rule: "200 may be the status of a refusal.", file: A },
  { number: 22, rule: "Without a message the body is the status phrase.", file: "test/proxy/responses.test.ts" },
  { number: 23, rule: "All of the gateway's answers have one shape.", file: A },
  { number: 24, rule: "An expression without a value is never free; nested fields can be read.", file: A },
  { number: 25, rule: "Comparisons are there; a truth value is no amount.", file: A },
  { number: 26, rule: "Rounded half up at the end, and never below 0.", file: A },
  { number: 27, rule: "What costs nothing has still opened the window.", file: A },
  { number: 28, rule: "Other members of stream_options stay.", file: "test/providers/openai-request.test.ts" },
  { number: 29, rule: "An answer without usage is estimated.", file: A },
  {
    number: 30,
    rule: "Anthropic's cached tokens count, and its split events are one usage.",
    file: "test/providers/fixtures.test.ts",
  },
  {
    number: 31,
    rule: "A null takes back nothing that was reported before.",
    file: "test/providers/openai-usage.test.ts",
  },
  { number: 32, rule: "Errors cost what they report.", file: A },
  { number: 33, rule: "Failed attempts are charged what they report.", later: FALLBACK },
  { number: 34, rule: "No request goes to an exhausted backend because another one failed.", later: FALLBACK },
  {
    number: 35,
    rule: "Weight 0 beside others is out of use; all 0 is rotation.",
    file: "test/unit/config/balancer.test.ts",
  },
  { number: 36, rule: "Nothing is tried again once a byte has gone out.", later: FALLBACK },
  { number: 37, rule: "The caller's key stays here.", file: A },
  { number: 38, rule: "A wrong key is not made good by another place.", file: A },
  {
    number: 39,
    rule: "An outage of Redis is not told as an exhausted quota.",
    file: "test/redis/outage.test.ts",
  },
  { number: 40, rule: "The next request meets the charge of the last.", file: A },
  { number: 41, rule: "Groups share a counter where that is asked for.", file: A },
  { number: 42, rule: "A consumer's looser limit does not lift the route's, unless that is asked for.", file: A },
  { number: 43, rule: "Namespace and name are two things.", file: A },
  { number: 44, rule: "The wait is the true one.", file: A },
  { number: 45, rule: "A missing Secret is told.", file: A },
];
