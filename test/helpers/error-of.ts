// The error object in a body of the gateway's own.

import { z } from "zod";

const errorBody = z.looseObject({
  error: z.looseObject({ code: z.string().optional(), message: z.string(), type: z.string() }),
});

export function errorOf({ body }: { readonly body: string }): {
  readonly code?: string | undefined;
  readonly message: string;
} {
  return errorBody.parse(JSON.parse(body)).error;
}
