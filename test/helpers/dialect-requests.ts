// One request in each dialect, and the error that it gets when it is forbidden.

interface DialectRequest {
  readonly name: string;
  /** A provider that understands it. */
  readonly provider: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (model: string) => string;
  readonly permission: (code: string, message: string) => object;
}

const messages = [{ role: "user", content: "Who is Jimi Hendrix?" }];

export const DIALECTS: readonly DialectRequest[] = [
  {
    name: "OpenAI",
    provider: "OpenAICompatible",
    path: "/v1/chat/completions",
    headers: {},
    body: (model) => JSON.stringify({ model, messages }),
    permission: (code, message) => ({ error: { message, type: "permission_error", param: null, code } }),
  },
  {
    name: "Anthropic",
    provider: "Anthropic",
    path: "/v1/messages",
    headers: { "anthropic-version": "2023-06-01" },
    body: (model) => JSON.stringify({ model, messages, max_tokens: 16 }),
    permission: (_, message) => ({ type: "error", error: { type: "permission_error", message } }),
  },
];
