// Settings from the environment: one table says what there is, and reading, --help and docs/settings.md all come from it.
// Every fault is found in one go. A secret's text never stands in a message.

export interface Setting<T> {
  /** "AIRL_LISTEN". */
  readonly name: string;
  /** What its value looks like, in one or two words: "HOST:PORT". */
  readonly type: string;
  /** As one would write it. Absent: nothing is set unless it is given. */
  readonly fallback?: string | undefined;
  /** What it is for; sentences. */
  readonly text: string;
  /** An example or a rule, for messages: "HOST:PORT, for example 0.0.0.0:8080". */
  readonly wanted: string;
  /** Its value must not be told. */
  readonly isSecret?: true | undefined;
  /** It has no default and must be given. */
  readonly isRequired?: true | undefined;
  /** Undefined when the text is not what is wanted. */
  readonly read: (text: string) => T | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with the environment, a line for each fault. */
export class SettingsError extends Error {}

export class SettingsReader {
  readonly #environment: Environment;
  readonly #faults: string[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** An empty variable counts as not set, as manifests have it when a value is left out. Undefined also after a fault. */
  one<T>(setting: Setting<T>): T | undefined {
    const found = this.#environment[setting.name]?.trim() ?? "";
    const text = found === "" ? setting.fallback : found;
    if (text === undefined) {
      if (setting.isRequired) this.fault(`${setting.name} is not set: wanted ${setting.wanted}`);
      return undefined;
    }
    const value = setting.read(text);
    if (value === undefined) {
      const told = setting.isSecret ? "a value that is not told" : JSON.stringify(text.slice(0, 200));
      this.fault(`${setting.name}: found ${told}, wanted ${setting.wanted}`);
    }
    return value;
  }

  fault(line: string): void {
    this.#faults.push(line);
  }

  /** Calls `make` when there was no fault, else throws SettingsError with all of them. */
  finish<S extends object>(make: () => S | undefined): Readonly<S> {
    const settings = this.#faults.length === 0 ? make() : undefined;
    if (settings === undefined) throw new SettingsError(this.#faults.join("\n"));
    return Object.freeze(settings);
  }
}
