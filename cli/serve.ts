// Runs a data plane on files until it is told to stop: what `run` and `demo -f` have in common.

import type { Logger } from "pino";
import { isRecord } from "../compiler/is-record.ts";
import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import { errorText, failure } from "./cli-error.ts";
import { type CompiledFiles, type CompileFilesInput, compileFiles, FILES_NAMESPACE } from "./compile-files.ts";
import { createConfiguration } from "./configuration.ts";
import { createManifestFiles } from "./manifest-files.ts";
import { type Address, formatAddress } from "./option-values.ts";
import type { FileGateway, GatewaySettings, LogLevel, Platform, Signals } from "./platform.ts";
import { countText, findingLine, hasError, type SourceFinding } from "./source-finding.ts";
import { paintIf } from "./terminal.ts";
import { createWatcher } from "./watch.ts";

export interface ServeInput {
  readonly paths: readonly string[];
  readonly gateway: GatewaySettings;
  readonly logLevel: LogLevel;
  readonly adapt: NonNullable<CompileFilesInput["adapt"]>;
  readonly platform: Platform;
  readonly signals: Signals;
  /** Lines for the person at the terminal once everything listens. */
  readonly greeting: (serving: Serving) => readonly string[];
}

export interface Serving {
  readonly traffic: Address;
  readonly admin: Address;
  readonly compiled: CompiledFiles;
}

const SETTLE_MS = 100;
const POLL_MS = 2_000;

/** The exit code: 0 after a drain, 1 when the files have errors at the start; then nothing has been started. */
export async function serve(input: ServeInput): Promise<number> {
  const { paths, platform, signals } = input;
  const report = createReport(platform);
  const load = createLoad(input);
  let reload = (): void => {}; // until the first configuration is in force there is nothing to replace
  const watcher = createWatcher({ paths, onChange: () => reload(), settleMs: SETTLE_MS, pollMs: POLL_MS });
  try {
    await watcher.start();
    const compiled = await load();
    report(compiled.findings);
    if (hasError(compiled.findings)) {
      platform.terminal.err(`nothing is started: ${countText(compiled.findings)}`);
      return 1;
    }
    const log = platform.createLogger(input.logLevel);
    const gateway = create(input, log);
    gateway.apply(compiled.objects);
    const addresses = await start(gateway);
    const configuration = createConfiguration({ load, gateway, log, report });
    reload = () => void configuration.reload();
    signals.onReload(reload);
    for (const line of input.greeting({ ...addresses, compiled })) platform.terminal.out(line);
    const signal = await signals.stopped;
    reload = () => {};
    log.info({ signal, drainMs: input.gateway.drainMs }, "draining");
    await gateway.drain();
    log.info("drained");
    return 0;
  } finally {
    watcher.close();
  }
}

/** A file that is empty for a moment while it is written must not take every route away, so nothing is an error. */
function createLoad({ paths, adapt, platform }: ServeInput): () => Promise<CompiledFiles> {
  const { terminal, ringFor, nowMs } = platform;
  const files = createManifestFiles({ paths, stdin: terminal.stdin });
  return async () => {
    const compiled = await compileFiles({ files, env: terminal.env, ringFor, nowMs, adapt });
    if (compiled.objects.length > 0 || hasError(compiled.findings)) return compiled;
    const nothing: SourceFinding = {
      severity: "error",
      code: "NotAnObject",
      file: paths.join(" "),
      field: "",
      found: "no objects",
      wanted: "at least one object to run",
    };
    return { ...compiled, findings: [...compiled.findings, nothing] };
  };
}

function createReport({ terminal }: Platform): (findings: readonly SourceFinding[]) => void {
  const paint = paintIf(terminal.colour.err);
  return (findings) => {
    for (const finding of findings) {
      terminal.err(paint(finding.severity === "error" ? "red" : "yellow", findingLine(finding)));
    }
  };
}

function create({ platform, gateway }: ServeInput, log: Logger): FileGateway {
  const { ringFor } = platform;
  try {
    return platform.createGateway({ ...gateway, ringFor, systemNamespace: FILES_NAMESPACE, log });
  } catch (error) {
    throw failure(errorText(error)); // a setting that only shows to be wrong when it is used, such as the Redis URL
  }
}

async function start(gateway: FileGateway): Promise<{ traffic: Address; admin: Address }> {
  try {
    return await gateway.start();
  } catch (error) {
    await gateway.drain().catch(() => undefined); // what had been opened; the reason for the end is the error above
    throw startFailure(error);
  }
}

/** "cannot listen on 127.0.0.1:8080: the address is in use". */
export function startFailure(error: unknown): Error {
  const reasons = new Map([
    ["EADDRINUSE", "the address is in use"],
    ["EACCES", "permission denied"],
    ["EADDRNOTAVAIL", "this machine has no such address"],
    ["ENOTFOUND", "no such host"],
  ]);
  const details = isRecord(error) ? error : {};
  const reason = reasons.get(String(details["code"]));
  if (reason === undefined) return failure(errorText(error));
  const { address, port } = details;
  const where = typeof address === "string" ? formatAddress({ host: address, port: Number(port ?? 0) }) : "its address";
  return failure(`cannot listen on ${where}: ${reason}`);
}

/** "1 Consumer, 1 AIBackend, 1 AIRoute, 1 AIRateLimitPolicy". */
export function objectCounts(objects: readonly CompiledObject[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
}
