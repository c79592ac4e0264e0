// The target of a request line (RFC 9112 section 3.2): a path with a query, or the same behind scheme and authority. Only
// path, query and authority are taken out of the latter; what goes upstream is built from the gateway's own parts.

const ABSOLUTE = /^(https?):\/\/((?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?)(\/.*|\?.*)?$/is;

/** Path and query, from the root; undefined for a target that is neither form. */
export function originForm(target: string): string | undefined {
  if (target.includes("#")) return undefined;
  if (target.startsWith("/")) return target;
  const [whole, , , rest = ""] = ABSOLUTE.exec(target) ?? [];
  if (whole === undefined) return undefined;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** Host and port as the target says them; "" when it says none. */
export function authorityOf(target: string): string {
  return target.startsWith("/") ? "" : (ABSOLUTE.exec(target)?.[2] ?? "");
}

/** Whether a target that names an authority names that of the Host header: case and the scheme's own port make no difference. */
export function agreesWithHost(target: string, host: string): boolean {
  if (target.startsWith("/")) return true;
  const [, scheme = "", authority = ""] = ABSOLUTE.exec(target) ?? [];
  const port = scheme.toLowerCase() === "https" ? ":443" : ":80";
  return plain(authority, port) === plain(host, port);
}

function plain(authority: string, port: string): string {
  const lower = authority.toLowerCase();
  if (lower.endsWith(port)) return lower.slice(0, -port.length);
  return lower.endsWith(":") ? lower.slice(0, -1) : lower;
}

/** Lower case, without port; brackets of an IPv6 literal stay. */
export function hostName(authority: string): string {
  const colon = authority.lastIndexOf(":");
  const name = colon > authority.lastIndexOf("]") ? authority.slice(0, colon) : authority;
  return name.toLowerCase();
}
