// A second reading of expressions to compare with: climbs precedences over the text and evaluates on the way, knowing only
// numbers and conditions. For texts that the compiler has accepted.

type Value = number | boolean;
type Fields = (path: string) => number;

const TOKEN =
  /\s+|(0x[0-9a-f]+)u?|((?:\d+\.\d+|\.\d+|\d+)(?:e[+-]?\d+)?)u?|([a-z_]\w*(?:\s*\.\s*[a-z_]\w*)*)|(&&|\|\||[=!<>]=|.)/giy;

interface Token {
  readonly kind: "number" | "name" | "sign";
  readonly text: string;
}

function withoutComments(text: string): string {
  return text.replace(/\/\/[^\n]*/g, " ");
}

function tokensOf(text: string): Token[] {
  return Array.from(text.matchAll(TOKEN)).flatMap(([, hex, decimal, name, sign]): Token[] => {
    const number = hex ?? decimal;
    if (number !== undefined) return [{ kind: "number", text: number }];
    if (name !== undefined) return [{ kind: "name", text: name.replace(/\s/g, "") }];
    return sign === undefined ? [] : [{ kind: "sign", text: sign }];
  });
}

const BINARY: Readonly<Record<string, readonly [precedence: number, apply: (a: Value, b: Value) => Value]>> = {
  "||": [1, (a, b) => Boolean(a) || Boolean(b)],
  "&&": [2, (a, b) => Boolean(a) && Boolean(b)],
  "==": [3, (a, b) => a === b],
  "!=": [3, (a, b) => a !== b],
  "<": [3, (a, b) => a < b],
  "<=": [3, (a, b) => a <= b],
  ">": [3, (a, b) => a > b],
  ">=": [3, (a, b) => a >= b],
  "+": [4, (a, b) => Number(a) + Number(b)],
  "-": [4, (a, b) => Number(a) - Number(b)],
  "*": [5, (a, b) => Number(a) * Number(b)],
  "/": [5, (a, b) => Number(a) / Number(b)],
};

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  min: Math.min,
  max: Math.max,
  ceil: Math.ceil,
  floor: Math.floor,
  round: (value) => (value < 0 ? -Math.round(-value) : Math.round(value)),
  double: (value) => value,
  int: (value) => value,
  uint: (value) => value,
};

/** "(a.b).c" is the path a.b.c. */
function withoutBracketedPaths(text: string): string {
  const shorter = text.replace(/\(\s*([a-z_]\w*(?:\s*\.\s*[a-z_]\w*)*)\s*\)(?=\s*\.)/gi, "$1");
  return shorter === text ? text : withoutBracketedPaths(shorter);
}

/** The value before it is made a whole amount. */
export function referenceValue(text: string, fields: Fields): Value {
  const tokens = tokensOf(withoutBracketedPaths(withoutComments(text)));
  let at = 0;
  const isNext = (sign: string): boolean => tokens[at]?.kind === "sign" && tokens[at]?.text === sign;
  const skip = (sign: string): void => {
    if (!isNext(sign)) throw new Error(`the reference wanted ${sign} at token ${String(at)}`);
    at++;
  };
  const choice = (): Value => {
    const test = binary(1);
    if (!isNext("?")) return test;
    skip("?");
    const yes = choice();
    skip(":");
    const no = choice();
    return test === true ? yes : no;
  };
  const binary = (least: number): Value => {
    let left = unary();
    for (;;) {
      const [precedence, apply] = tokens[at]?.kind === "sign" ? (BINARY[tokens[at]?.text ?? ""] ?? []) : [];
      if (precedence === undefined || apply === undefined || precedence < least) return left;
      at++;
      left = apply(left, binary(precedence + 1));
    }
  };
  const unary = (): Value => {
    const { kind, text: word } = tokens[at++] ?? { kind: "sign", text: "the end" };
    if (kind === "number") return Number(word);
    if (kind === "name") return isNext("(") ? call(word) : named(word);
    if (word === "-") return -Number(unary());
    if (word === "!") return !unary();
    at--;
    skip("(");
    const value = choice();
    skip(")");
    return value;
  };
  const named = (word: string): Value => (word === "true" ? true : word === "false" ? false : fields(word));
  const call = (word: string): Value => {
    skip("(");
    const values = [Number(choice())];
    while (isNext(",")) {
      skip(",");
      if (!isNext(")")) values.push(Number(choice()));
    }
    skip(")");
    return FUNCTIONS[word]?.(...values) ?? NaN;
  };
  const value = choice();
  if (at !== tokens.length) throw new Error(`the reference ended at token ${String(at)} of ${String(tokens.length)}`);
  return value;
}
