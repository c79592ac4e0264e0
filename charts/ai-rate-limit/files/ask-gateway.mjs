// Asks the gateway through its Service until it answers, for half a minute. Any answer that bears the gateway's own
// request id will do: without an AIRoute that is a 404. Argument: the URL.

const [url] = process.argv.slice(-1);
const ATTEMPTS = 15;

async function ask() {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const id = answer.headers.get("x-airl-request-id");
    const text = await answer.text();
    if (id === null) return `${answer.status} from something that is not the gateway: ${text.slice(0, 200)}`;
    console.log(`${url}: ${answer.status}, request ${id}\n${text}`);
    return undefined;
  } catch (error) {
    return `${error.message}${error.cause === undefined ? "" : `: ${error.cause.message}`}`;
  }
}

let problem = "not asked";
for (let attempt = 1; problem !== undefined && attempt <= ATTEMPTS; attempt += 1) {
  if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, 2_000));
  problem = await ask();
  if (problem !== undefined) console.error(`${url}: ${problem}`);
}
process.exitCode = problem === undefined ? 0 : 1;
