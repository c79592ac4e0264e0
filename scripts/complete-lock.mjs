// Adds to package-lock.json the optional packages of other platforms that npm leaves out when the registry in use does not
// serve them; `npm ci` refuses a lock file without them. Run after every `npm install`:
//   node scripts/complete-lock.mjs && npm ci --dry-run
// The platform of such a package is read off its name; nothing that is installed on this platform is changed.

import { readFileSync, writeFileSync } from "node:fs";

const FILE = "package-lock.json";
const SYSTEMS = ["android", "darwin", "freebsd", "openharmony", "win32", "netbsd", "openbsd", "sunos", "aix", "linux"];
const PROCESSORS = ["arm64", "ia32", "ppc64", "riscv64", "s390x", "x64", "arm"];

const lock = JSON.parse(readFileSync(FILE, "utf8"));
const { packages } = lock;

function isLocked(parent, name) {
  for (let at = parent; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    if (packages[at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`]) return true;
    if (at === "" || !at.includes("/node_modules/")) return packages[`node_modules/${name}`] !== undefined;
  }
}

function platformOf(name) {
  const os = SYSTEMS.find((system) => name.includes(system));
  const cpu = PROCESSORS.find((processor) => name.includes(processor));
  if (os === undefined || cpu === undefined) throw new Error(`cannot tell the platform of ${name}`);
  const libc = name.includes("musl") ? "musl" : name.includes("gnu") ? "glibc" : undefined;
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
}

for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (isLocked(path, name)) continue;
    packages[`node_modules/${name}`] = { version, ...(dev ? { dev } : {}), optional: true, ...platformOf(name) };
    console.log(`added ${name} ${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
