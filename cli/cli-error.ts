// An error that the person at the terminal can act on: printed as one line, without a stack, with its exit code.

/** 1: what was asked failed. 2: the command line itself is wrong. */
export type ExitCode = 1 | 2;

export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CliError {
  return new CliError(message, 2);
}

export function failure(message: string): CliError {
  return new CliError(message, 1);
}

/** The text of anything thrown, for a message; never a stack. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
