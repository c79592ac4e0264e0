// The route table against a plain search through all matches in order of precedence.

import { createRouteTable } from "../../../dataplane/config/route-table.ts";
import type { CompiledRoute } from "../../../dataplane/contract/compiled.ts";
import { same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

type Match = CompiledRoute["matches"][number];

const HOSTS = [[], ["a.example"], ["*.example"], ["*.b.example", "c.test"]] as const;
const PATHS = [
  { type: "PathPrefix", value: "/" },
  { type: "PathPrefix", value: "/v1" },
  { type: "PathPrefix", value: "/v1/chat/" },
  { type: "Exact", value: "/v1/chat" },
  { type: "Exact", value: "/" },
] as const;

const ROUTES = HOSTS.flatMap((hostnames, h) =>
  PATHS.flatMap((path, p) =>
    [false, true].map((isPost): { compiled: CompiledRoute } => {
      const match = {
        path,
        methods: isPost ? ["POST"] : [],
        hostnames: [...hostnames],
        headers: isPost && p === 1 ? [{ name: "x-a", value: "1" }] : [],
      };
      const name = `r${String(h)}${String(p)}${isPost ? "post" : "any"}`;
      return {
        compiled: {
          kind: "AIRoute",
          namespace: "n",
          name,
          createdMs: 0,
          matches: [match],
          authentication: { type: "None" },
          backends: [],
        },
      };
    }),
  ),
);

const TABLE = createRouteTable(ROUTES);

interface Query {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly header: (name: string) => string | undefined;
}

function hostRank(hostnames: readonly string[], host: string): number {
  if (hostnames.length === 0) return 0;
  if (hostnames.includes(host)) return 1000;
  const wildcards = hostnames.filter((name) => name.startsWith("*.") && host.endsWith(name.slice(1)));
  return wildcards.length === 0 ? -1 : Math.max(...wildcards.map((name) => name.length));
}

function pathRank({ type, value }: Match["path"], path: string): number {
  if (type === "Exact") return path === value ? 1000 : -1;
  const prefix = value.replace(/\/$/, "");
  const isPrefix = path === prefix || path.startsWith(`${prefix}/`);
  return isPrefix ? prefix.length : -1;
}

function search(query: Query): string | undefined {
  const found = ROUTES.flatMap(({ compiled }) =>
    compiled.matches.flatMap((match) => {
      const ranks = [
        hostRank(match.hostnames, query.host),
        pathRank(match.path, query.path),
        match.headers.length,
        match.methods.length,
      ];
      const fits =
        match.methods.every((method) => method === query.method) &&
        match.headers.every(({ name, value }) => query.header(name) === value);
      return ranks.includes(-1) || !fits ? [] : [{ name: compiled.name, ranks }];
    }),
  );
  found.sort((a, b) => b.ranks.map((rank, i) => rank - (a.ranks[i] ?? 0)).find((d) => d !== 0) ?? 0);
  return found[0]?.name;
}

export const target: FuzzTarget = {
  name: "route-table",
  shape: "text",
  seeds: [
    "POST\na.example\n/v1/chat/completions\n1",
    "GET\nx.b.example\n/v1\n",
    "POST\n\n/\n",
    "POST\nc.test\n/v1/chat\n1",
    "PUT\na.b.c.example\n//v1//chat/\n",
  ],
  tokens: [
    "POST",
    "GET",
    "/",
    "//",
    "/v1",
    "/chat",
    "..",
    "%2f",
    ".",
    ".example",
    "b.example",
    "*.",
    "a.example",
    "\n",
    "1",
  ],
  run(input) {
    const [method = "", host = "", path = "", header] = input.toString("utf8").split("\n");
    const query = { method, host: host.toLowerCase(), path: `/${path.replace(/^\//, "")}`, header: () => header };
    const found = TABLE.find(query)?.route.compiled.name;
    same(found, search(query), "the route is the one with precedence");
    return String(found);
  },
};
