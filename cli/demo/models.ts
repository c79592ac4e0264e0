// GET /v1/models of the demo upstream. https://platform.openai.com/docs/api-reference/models; with Anthropic's version
// header https://docs.anthropic.com/en/api/models-list, which is on the same path.

import type { Answer, DemoRequest } from "./answer.ts";
import { errorAnswer } from "./openai.ts";

const IDS = ["demo-20", "demo-50", "demo-200", "demo-1000"];
const CREATED = 1_735_689_600;

export function listModels({ headers }: DemoRequest): Answer {
  if (headers["anthropic-version"] !== undefined) {
    const list = { data: IDS.map(anthropicModel), has_more: false, first_id: IDS[0], last_id: IDS.at(-1) };
    return { kind: "json", body: JSON.stringify(list) };
  }
  return { kind: "json", body: `${JSON.stringify({ object: "list", data: IDS.map(model) }, null, 2)}\n` };
}

export function showModel(id: string, { headers }: DemoRequest): Answer {
  if (headers["anthropic-version"] !== undefined && IDS.includes(id)) {
    return { kind: "json", body: JSON.stringify(anthropicModel(id)) };
  }
  if (IDS.includes(id)) return { kind: "json", body: `${JSON.stringify(model(id), null, 2)}\n` };
  return errorAnswer({
    message: `The model '${id}' does not exist`,
    param: "model",
    code: "model_not_found",
    status: 404,
  });
}

function anthropicModel(id: string): object {
  return { type: "model", id, display_name: id, created_at: new Date(CREATED * 1000).toISOString() };
}

function model(id: string): object {
  return { id, object: "model", created: CREATED, owned_by: "demo" };
}
