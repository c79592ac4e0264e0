// ${NAME} in a text -> the value of the environment variable. Upper-case names only: ${http_x_id} and its like are
// templates of a limit and stay. Knows nothing of YAML; its caller hands in one string value at a time.

export interface Substitution {
  readonly text: string;
  /** Names that have no value, in order of appearance; they stay in the text as they were. */
  readonly missing: readonly string[];
}

const REFERENCE = /\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g;

/**
 * "$${NAME}" gives the text "${NAME}". A variable that is set to nothing counts as missing: an empty credential or address
 * is a mistake that shows late. Values are not looked into again.
 */
export function substituteEnv(text: string, env: Readonly<Record<string, string | undefined>>): Substitution {
  const missing: string[] = [];
  const replaced = text.replace(REFERENCE, (reference: string, escape: string, name: string) => {
    if (escape !== "") return reference.slice(1);
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && value !== "") return value;
    missing.push(name);
    return reference;
  });
  return { text: replaced, missing };
}
