// The arrows: which folder may import what. Each rule's name reads as a sentence and its comment tells the offender what
// to do. Folder rules are closed lists: what a rule does not name is an error. test/boundaries plants a violation of
// each rule, and checks that a real run reads the whole tree (a cruise that reads nothing also finds nothing).

const PRODUCT = "^(crds|compiler|controller|dataplane|cli|settings)/";
/** Import of nothing but types: erased by the compiler, so it binds no code. */
const TYPES_ONLY = ["type-only"];

/** Node built-ins by name, with or without the node: prefix. */
function builtins(...names) {
  return `^(node:)?(${names.join("|")})$`;
}

/** Packages by name, or their types from DefinitelyTyped. */
function packages(...names) {
  return `^node_modules/(@types/)?(${names.join("|")})/`;
}

function folders(...names) {
  return `^dataplane/(${names.join("|")})/`;
}

/** Everything but the allowed is an error; `typesFrom` may be imported for its types. */
function closed(name, { from, allowed, typesFrom = [], comment }) {
  const rule = {
    name,
    severity: "error",
    comment,
    from: { path: from },
    // What does not exist is the matter of every-import-resolves alone.
    to: { pathNot: [from, ...allowed, ...typesFrom], couldNotResolve: false },
  };
  if (typesFrom.length === 0) return [rule];
  const codeRule = {
    ...rule,
    name: `${name}-beyond-types`,
    comment: `Write "import type": only the types of this one are for here. ${comment}`,
    to: { path: typesFrom, dependencyTypesNot: TYPES_ONLY },
  };
  return [rule, codeRule];
}

const dataplane = [
  ...closed("core-imports-only-core", {
    from: "^dataplane/core/",
    allowed: [],
    comment:
      "core is arithmetic and matching: no zod, clock, logger or Node built-in. Take what you need as a parameter.",
  }),
  ...closed("contract-imports-zod-crypto-and-core", {
    from: "^dataplane/contract/",
    allowed: [packages("zod", "@marcbachmann/cel-js"), builtins("crypto"), folders("core")],
    comment: "contract is what the controller and the data plane agree on; keep I/O and product logic out of it.",
  }),
  ...closed("json-imports-only-json", {
    from: "^dataplane/json/",
    allowed: [],
    comment: "json scans bytes and knows no field of any provider. Put that knowledge in dataplane/providers.",
  }),
  ...closed("providers-import-core-and-json", {
    from: "^dataplane/providers/",
    allowed: [folders("core", "json"), builtins("buffer")],
    comment: "A dialect turns bytes into usage. It knows no server, store or socket: the proxy feeds it.",
  }),
  ...closed("upstream-imports-itself-and-sockets", {
    from: "^dataplane/upstream/",
    allowed: ["^dataplane/field-lines\\.ts$", builtins("net", "tls", "dns", "dns/promises", "crypto")],
    comment: "upstream is an HTTP client over sockets. Limits, dialects and settings stay with its caller.",
  }),
  ...closed("downstream-imports-sockets-and-llhttp", {
    from: "^dataplane/downstream/",
    allowed: [
      packages("undici", "zod"),
      folders("respond"),
      "^dataplane/field-lines\\.ts$",
      builtins("net", "http", "stream", "crypto"),
    ],
    comment: "downstream is HTTP with clients. What a request means stays with its handler.",
  }),
  ...closed("redis-imports-ioredis-core-and-contract", {
    from: "^dataplane/redis/",
    allowed: [packages("ioredis", "zod"), folders("core", "contract"), builtins("fs", "path", "url", "crypto")],
    comment: "redis implements the ports of core. Logging, metrics and settings come in as parameters.",
  }),
  ...closed("store-imports-only-core", {
    from: "^dataplane/store/",
    allowed: [folders("core")],
    comment: "store keeps counters in memory behind core/counter-store.ts and needs nothing else.",
  }),
  ...closed("identify-imports-core-and-contract", {
    from: "^dataplane/identify/",
    allowed: [folders("core", "contract"), builtins("buffer", "crypto")],
    typesFrom: [folders("providers")],
    comment: "identify turns a request into a consumer. Let the caller pass what it found in headers or config.",
  }),
  ...closed("respond-imports-core-and-contract", {
    from: "^dataplane/respond/",
    allowed: [folders("core", "contract")],
    typesFrom: [folders("providers", "upstream")],
    comment: "respond writes refusals and limit headers from a decision; it calls nothing and measures nothing.",
  }),
  ...closed("config-imports-core-contract-redis-and-identify", {
    from: "^dataplane/config/",
    allowed: [folders("core", "contract", "redis", "identify"), builtins("crypto")],
    typesFrom: [folders("providers", "upstream")],
    comment: "config turns compiled objects into what a request looks up. It must not know the proxy that looks it up.",
  }),
  ...closed("metrics-imports-prom-client-and-core", {
    from: "^dataplane/metrics/",
    allowed: [packages("prom-client"), folders("core")],
    comment: "metrics declares and renders what others count. It asks nobody: callers hand it plain numbers.",
  }),
  ...closed("proxy-imports-the-data-plane-folders", {
    from: "^dataplane/proxy/",
    allowed: [
      packages("fzstd"),
      folders("core", "contract", "json", "providers", "upstream", "store", "identify", "respond", "config"),
      builtins("stream", "zlib", "crypto"),
    ],
    typesFrom: [packages("pino"), folders("metrics", "downstream"), "^dataplane/[^/]+\\.ts$"],
    comment: "The proxy sees counters through core/counter-store.ts, and gets its log and metrics from main.ts.",
  }),
  {
    name: "dataplane-knows-no-kubernetes",
    severity: "error",
    comment:
      "The data plane runs from compiled objects. Compile what you need in compiler/ and carry it in dataplane/contract.",
    from: { path: "^dataplane/" },
    to: { path: ["^(controller|crds|compiler|cli)/", packages("@kubernetes/client-node", "yaml")] },
  },
];

const others = [
  ...closed("settings-import-only-files", {
    from: "^settings/",
    allowed: [builtins("fs", "fs/promises", "net")],
    comment:
      "settings reads the environment's texts for every program. What a setting means belongs to its program's settings.ts.",
  }),
  ...closed("crds-import-zod-and-yaml", {
    from: "^crds/",
    allowed: [packages("zod", "yaml"), builtins("fs", "fs/promises", "path", "url")],
    comment: "crds says what a manifest may hold and nothing else. Meaning belongs in compiler/.",
  }),
  {
    name: "only-crds-generate-writes-files",
    severity: "error",
    comment: "Schemas are pure. Read and write files in crds/generate.ts.",
    from: { path: "^crds/", pathNot: "^crds/generate\\.ts$" },
    to: { path: builtins("fs", "fs/promises", "path", "url") },
  },
  {
    name: "only-crds-generate-and-manifest-know-yaml",
    severity: "error",
    comment: "Schemas know objects, not their text. Use yaml in crds/generate.ts or crds/manifest.ts.",
    from: { path: "^crds/", pathNot: "^crds/(generate|manifest)\\.ts$" },
    to: { path: packages("yaml") },
  },
  ...closed("compiler-is-pure", {
    from: "^compiler/",
    allowed: ["^crds/", folders("contract", "core"), packages("zod"), builtins("crypto", "net")],
    comment: "The compiler is called by the controller and the command line alike: no files, Redis, clock or cluster.",
  }),
  {
    name: "cli-works-without-the-controller",
    severity: "error",
    comment: "The command line needs no cluster. Move what both need to compiler/.",
    from: { path: "^cli/" },
    to: { path: ["^controller/", packages("@kubernetes/client-node")] },
  },
  {
    name: "controller-sees-only-the-contract-of-the-dataplane",
    severity: "error",
    comment: "dataplane/contract is all that others may import from there. Put what both must agree on into it.",
    from: { path: "^controller/" },
    // connection.ts knows no data plane, only how Redis is reached: one set of settings that means the same on both sides.
    // admin.ts serves what it is given, alike for every program.
    to: {
      path: ["^dataplane/", "^cli/"],
      pathNot: ["^dataplane/contract/", "^dataplane/redis/connection\\.ts$", "^dataplane/admin\\.ts$"],
    },
  },
  ...closed("controller-status-is-pure", {
    from: "^controller/status/",
    allowed: ["^compiler/", "^crds/", folders("contract")],
    typesFrom: ["^controller/kube/conditions\\.ts$"],
    comment:
      "Status is a function of what is known. Take the clock, the cluster and the store's answers as parameters.",
  }),
  ...closed("controller-certificates-are-pure", {
    from: "^controller/certificates/",
    allowed: [builtins("crypto")],
    comment:
      "What is due is a function of what a Secret holds and of the time. Talk to the cluster in controller/webhook.",
  }),
  ...closed("kube-imports-client-node-and-crds", {
    from: "^controller/kube/",
    allowed: [packages("@kubernetes/client-node", "zod"), "^crds/", builtins("http", "https", "path")],
    comment: "kube talks to the API server and knows no compiler, store or log. Take what you need as a parameter.",
  }),
  {
    name: "only-kube-imports-client-node",
    severity: "error",
    comment:
      "The API server is reached through the port in controller/kube/kube-api.ts; take a KubeApi as a parameter.",
    from: { path: [PRODUCT, "^test/"], pathNot: "^controller/kube/" },
    to: { path: packages("@kubernetes/client-node") },
  },
  {
    name: "only-admin-and-webhooks-import-express",
    severity: "error",
    comment: "No framework on the data path. Serve it in dataplane/admin.ts or controller/webhook.",
    from: { path: PRODUCT, pathNot: "^(dataplane/admin\\.ts$|controller/webhook)" },
    to: { path: packages("express") },
  },
  {
    name: "only-redis-and-controller-import-ioredis",
    severity: "error",
    comment: "Connections are made in dataplane/redis or the controller; take a store or a reader as a parameter.",
    from: { path: PRODUCT, pathNot: "^(dataplane/redis|controller)/" },
    to: { path: packages("ioredis") },
  },
];

const everywhere = [
  {
    name: "only-expression-imports-cel",
    severity: "error",
    comment:
      "Expressions are fenced in dataplane/contract/expression/; use what dataplane/contract/*-expression.ts make of them.",
    from: { path: PRODUCT, pathNot: "^dataplane/contract/expression/" },
    to: { path: packages("@marcbachmann/cel-js") },
  },
  {
    name: "nothing-imports-test",
    severity: "error",
    comment: "Test code does not ship. Move what the product needs out of test/.",
    from: { path: PRODUCT },
    to: { path: "^test/" },
  },
  {
    name: "nothing-imports-a-main",
    severity: "error",
    comment: "A main.ts starts a process when it is imported. Move what you need into a file of its own.",
    from: { path: PRODUCT },
    to: { path: "/main\\.ts$" },
  },
  {
    name: "no-cycle",
    severity: "error",
    comment: "Two files that need each other are one thought, or hide a third file that both should import.",
    from: {},
    to: { circular: true },
  },
  {
    name: "no-orphan",
    severity: "error",
    comment: "Nothing imports this file and it imports nothing. Use it or delete it.",
    from: { path: PRODUCT, pathNot: "\\.d\\.ts$", orphan: true },
    to: {},
  },
  {
    name: "product-needs-no-dev-dependency",
    severity: "error",
    comment: "This package is absent in production. Move it to dependencies, or do without.",
    from: { path: PRODUCT },
    to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: TYPES_ONLY },
  },
  {
    name: "every-package-is-declared",
    severity: "error",
    comment: "This package is here only because another one brought it. Add it to package.json with an exact version.",
    from: {},
    to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
  },
  {
    name: "every-import-resolves",
    severity: "error",
    comment: "Nothing is there. Mind the .ts extension and the upper and lower case of the path.",
    from: {},
    to: { couldNotResolve: true },
  },
];

export default {
  forbidden: [...dataplane, ...others, ...everywhere],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|coverage)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
