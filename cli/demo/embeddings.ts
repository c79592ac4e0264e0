// POST /v1/embeddings of the demo upstream. https://platform.openai.com/docs/api-reference/embeddings

import type { Answer, DemoRequest } from "./answer.ts";
import { promptSizes } from "./completions.ts";
import { answering, missing, readInteger, readModel, refuse } from "./openai.ts";

const DEFAULT_DIMENSIONS = 1536;
const MAX_DIMENSIONS = 3072;
const MAX_INPUTS = 2048;

export const embeddings: (request: DemoRequest) => Answer = answering(({ body }) => {
  const model = readModel(body);
  const sizes = promptSizes(body["input"]);
  if (sizes === undefined) throw missing("input");
  if (sizes.length > MAX_INPUTS) {
    throw refuse({
      message: `Invalid 'input': array too long. Expected at most ${MAX_INPUTS} items.`,
      param: "input",
      code: "array_above_max_length",
    });
  }
  const dimensions = readInteger(body, "dimensions", MAX_DIMENSIONS) ?? DEFAULT_DIMENSIONS;
  const base64 = body["encoding_format"] === "base64";
  const promptTokens = sizes.reduce((total, size) => total + size, 0);
  const data = sizes.map((size, index) => {
    const vector = unitVector(size + index, dimensions);
    return {
      object: "embedding",
      index,
      embedding: base64 ? Buffer.from(vector.buffer).toString("base64") : [...vector],
    };
  });
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  const list = { object: "list", data, model, usage };
  return { kind: "json", body: `${JSON.stringify(list, null, 2)}\n`, charged: { promptTokens, completionTokens: 0 } };
});

/** Length 1, as the real ones have, and different for different seeds. */
function unitVector(seed: number, dimensions: number): Float32Array {
  const raw = Float32Array.from({ length: dimensions }, (_, index) => Math.sin((seed + 1) * (index + 1)));
  const length = Math.hypot(...raw) || 1;
  return raw.map((value) => value / length);
}
