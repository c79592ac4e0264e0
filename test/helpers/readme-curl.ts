// The first request that README.md gives a newcomer.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** The first shell block of README.md that calls curl, run against this gateway; resolves with head and body. */
export async function runReadmeCurl(origin: string): Promise<string> {
  const readme = await readFile("README.md", "utf8");
  const block = readme.split("```").find((part) => part.startsWith("sh\ncurl "));
  if (block === undefined) throw new Error("README.md has no curl block");
  const curl = block.slice("sh\n".length).replace("http://127.0.0.1:8080", origin).replace("curl -i", "curl -si");
  return (await promisify(execFile)("bash", ["-c", curl])).stdout;
}
