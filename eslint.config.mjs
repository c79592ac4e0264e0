// Lint: typescript-eslint's strict type-checked rules, plus the house's own sizes and arrows of behaviour (who may read
// the environment, end the process, read the clock). Formatting is Biome's, imports are dependency-cruiser's.

import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const PRODUCT = [
  "crds/**/*.ts",
  "compiler/**/*.ts",
  "controller/**/*.ts",
  "dataplane/**/*.ts",
  "cli/**/*.ts",
  "settings/**/*.ts",
];
const TESTS = ["test/**/*.ts", "vitest.config.ts"];

/** Ways to reach something that only some files may reach; each says where it belongs. */
const reach = {
  environment: {
    selector: "MemberExpression[object.name='process'][property.name='env'], VariableDeclarator[init.name='process']",
    message: "Only settings.ts and cli/ read the environment; take a typed setting as a parameter.",
  },
  process: {
    selector:
      "CallExpression[callee.object.name='process'][callee.property.name=/^(exit|abort|kill|on|once|addListener|prependListener)$/]",
    message: "Only main.ts ends the process or installs handlers; return, throw, or take what you need as a parameter.",
  },
  clock: {
    selector:
      "MemberExpression[object.name='Date'][property.name='now'], NewExpression[callee.name='Date'][arguments.length=0]",
    message: "Only clock.ts files read the clock; take a clock (or nowMs) as a parameter so that a test can set it.",
  },
  moduleMock: {
    selector: "CallExpression[callee.object.name=/^(vi|vitest)$/][callee.property.name=/^(mock|doMock|hoisted)$/]",
    message: "Modules are not mocked: pass the dependency in, and give the test its own.",
  },
  fetch: {
    selector: "CallExpression[callee.name='fetch'], MemberExpression[object.name='globalThis'][property.name='fetch']",
    message: "The data plane calls out through dataplane/upstream, which bounds time, sockets and addresses.",
  },
};

/** no-restricted-syntax is replaced, not merged, by a later block: each block names all that it forbids. */
function forbid(...names) {
  return ["error", ...names.map((name) => reach[name])];
}

/** A suppression without a reason helps nobody who meets it later. */
const reasonedSuppression = {
  meta: {
    type: "problem",
    schema: [],
    messages: { reason: "Say why on the same line: eslint-disable-line rule -- reason" },
  },
  create(context) {
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          if (/^\s*eslint-disable/.test(comment.value) && !/\s--\s+\S/.test(comment.value)) {
            context.report({ loc: comment.loc, messageId: "reason" });
          }
        }
      },
    };
  },
};

export default defineConfig(
  { ignores: ["dist/", "coverage/", "node_modules/", "test/fixtures/", "test/golden/", "**/*.mjs", "**/*.js"] },
  { ignores: ["dataplane/contract/time-zone-table.ts"] }, // generated: a line for each zone
  {
    files: [...PRODUCT, ...TESTS],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { house: { rules: { "reasoned-suppression": reasonedSuppression } } },
    rules: {
      "house/reasoned-suppression": "error",

      // Sizes: what fits a screen and a head.
      complexity: ["error", { max: 10, variant: "modified" }], // a switch over a union is one decision
      "max-depth": ["error", 3],
      "max-params": ["error", 3],
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],

      // Types: outside data is unknown until checked; nothing talks the compiler into a type.
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "@typescript-eslint/ban-ts-comment": [
        "error",
        { "ts-expect-error": true, "ts-ignore": true, "ts-nocheck": true, "ts-check": false },
      ],
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],

      // Plain mistakes that the type checker does not see.
      eqeqeq: "error",
      "no-console": "error",
      "no-debugger": "error",
      "no-self-compare": "error",
      "no-unsafe-finally": "error",
      "no-async-promise-executor": "error",
      "no-useless-assignment": "error",
      "no-restricted-imports": [
        "error",
        { paths: [{ name: "node:process", message: "Use the global process, where the rules about it can see it." }] },
      ],

      // Strict rules that fight the house style.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }], // numbers print as one expects
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ], // `() => done()` is a callback
      "@typescript-eslint/no-empty-function": "off", // ports take callbacks; a no-op is a legitimate one
      "@typescript-eslint/no-unused-vars": [
        "error",
        {
          argsIgnorePattern: "^_",
          destructuredArrayIgnorePattern: "^_",
          varsIgnorePattern: "^_",
          ignoreRestSiblings: true,
        },
      ], // _name says that it is left out on purpose, as it does to tsc
      "@typescript-eslint/require-await": "off", // a port may promise where one implementation has nothing to wait for
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ], // while (true) in parsers
      "@typescript-eslint/prefer-regexp-exec": "off", // match() reads as well and is as fast

      "no-restricted-syntax": forbid("environment", "process", "clock", "moduleMock"),
    },
  },
  {
    files: ["dataplane/**/*.ts"],
    rules: { "no-restricted-syntax": forbid("environment", "process", "clock", "moduleMock", "fetch") },
  },
  { files: ["**/settings.ts"], rules: { "no-restricted-syntax": forbid("process", "clock", "moduleMock") } },
  {
    files: ["dataplane/**/settings.ts"],
    rules: { "no-restricted-syntax": forbid("process", "clock", "moduleMock", "fetch") },
  },
  {
    files: ["cli/**/*.ts"],
    rules: { "no-restricted-syntax": forbid("process", "clock", "moduleMock"), "no-console": "off" },
  }, // its output is its job
  {
    files: ["**/clock.ts", "**/*-clock.ts"],
    rules: { "no-restricted-syntax": forbid("environment", "process", "moduleMock") },
  },
  { files: ["**/main.ts"], rules: { "no-restricted-syntax": forbid("environment", "clock", "moduleMock") } },
  { files: ["cli/main.ts"], rules: { "no-restricted-syntax": forbid("clock", "moduleMock") } },
  {
    files: TESTS,
    rules: {
      "max-lines": ["error", { max: 500, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": "off", // a describe block is a chapter, not a function
      "max-params": "off", // rows of a table may arrive as parameters
      "no-console": "off",
      "no-restricted-syntax": forbid("moduleMock"),
    },
  },
);
