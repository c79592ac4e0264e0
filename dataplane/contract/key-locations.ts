// Where an API key is looked for unless a route says otherwise: where official SDKs and common gateways put it; a documented
// default of the API.

export const DEFAULT_KEY_HEADERS = ["apikey", "x-api-key", "api-key", "x-goog-api-key", "authorization"];

export const DEFAULT_KEY_QUERY = ["apikey", "key"];
