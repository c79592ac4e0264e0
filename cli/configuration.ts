// Which configuration is in force: the last one without errors. An edit is applied as a whole or not at all.

import type { Logger } from "pino";
import type { Gateway } from "../dataplane/gateway.ts";
import { errorText } from "./cli-error.ts";
import type { CompiledFiles } from "./compile-files.ts";
import { countText, findingLine, type SourceFinding } from "./source-finding.ts";

export interface ConfigurationOptions {
  readonly load: () => Promise<CompiledFiles>;
  readonly gateway: Pick<Gateway, "apply">;
  readonly log: Logger;
  /** Shows findings to the person at the terminal. */
  readonly report: (findings: readonly SourceFinding[]) => void;
}

export interface Configuration {
  /**
   * Reads the files again and puts them in force, or says why the earlier ones stay. One reading at a time: calls that
   * come meanwhile share one more. Resolves when what the caller saw on disk has been read; never rejects.
   */
  readonly reload: () => Promise<void>;
}

/** The first configuration has been applied already: starting with errors is refused, not survived. */
export function createConfiguration({ load, gateway, log, report }: ConfigurationOptions): Configuration {
  let broken = false;
  let last = Promise.resolve();
  let waiting: Promise<void> | undefined;

  function keepLast(reason: string): void {
    broken = true;
    log.error({ reason }, "the change is not in force: the last good configuration stays");
  }

  async function reloadOnce(): Promise<void> {
    try {
      const { objects, findings } = await load();
      report(findings);
      const errors = findings.filter((finding) => finding.severity === "error");
      if (errors[0] !== undefined) {
        keepLast(`${countText(errors)}; first: ${findingLine(errors[0])}`);
        return;
      }
      gateway.apply(objects);
      log.info(
        { objects: objects.length },
        broken ? "the configuration is mended and in force" : "the changed configuration is in force",
      );
      broken = false;
    } catch (error) {
      keepLast(errorText(error));
    }
  }

  return {
    reload: () => {
      waiting ??= last.then(() => {
        waiting = undefined; // what changes from here on needs another reading
        return reloadOnce();
      });
      last = waiting;
      return waiting;
    },
  };
}
