// The law of judging: what is said of a manifest beforehand is what is said of it once it is there, and asking changes nothing.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createIncrementalCompiler, type ManifestChange } from "../../compiler/incremental.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { identityOf, step, World } from "./incremental-world.ts";
import { asRecord, MASTER } from "./manifest-builders.ts";

const options = { ringFor: createRing([MASTER]), systemNamespace: "default" };

function isSecret(change: ManifestChange): boolean {
  return (change.type === "Delete" ? change.ref.kind : asRecord(change.manifest)["kind"]) === "Secret";
}

test("[unit] a manifest is judged as it would be if it were applied, and nothing changes by that", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      const changes = steps.map((one) => world.take(one, true));
      const asked = createIncrementalCompiler(options);
      const silent = createIncrementalCompiler(options);
      for (const change of changes) {
        if (change.type === "Upsert" && !isSecret(change)) {
          const beforehand = asked.judge(change.manifest);
          expect(silent.apply([change]), "asking has changed something").toEqual(asked.apply([change]));
          const identity = identityOf(asRecord(change.manifest));
          const report = [...asked.known()].find(({ ref }) => `${ref.kind}/${ref.namespace}/${ref.name}` === identity);
          expect(beforehand).toEqual(report?.findings.filter(({ code }) => code !== "SecretNotFound"));
        } else expect(silent.apply([change])).toEqual(asked.apply([change]));
      }
    }),
    { numRuns: 150 },
  );
});
