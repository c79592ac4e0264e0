// GET /v1/models of the demo upstream. https://platform.openai.com/docs/api-reference/models

import type { Answer } from "./answer.ts";
import { errorAnswer } from "./openai.ts";

const IDS = ["demo-20", "demo-50", "demo-200", "demo-1000"];
const CREATED = 1_735_689_600;

export function listModels(): Answer {
  return { kind: "json", body: `${JSON.stringify({ object: "list", data: IDS.map(model) }, null, 2)}\n` };
}

export function showModel(id: string): Answer {
  if (IDS.includes(id)) return { kind: "json", body: `${JSON.stringify(model(id), null, 2)}\n` };
  return errorAnswer({
    message: `The model '${id}' does not exist`,
    param: "model",
    code: "model_not_found",
    status: 404,
  });
}

function model(id: string): object {
  return { id, object: "model", created: CREATED, owned_by: "demo" };
}
