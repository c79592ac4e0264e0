// Request targets: which are taken, what path, query and host they give.

import { describe, expect, test } from "vitest";
import { agreesWithHost, authorityOf, hostName, originForm } from "../../../dataplane/proxy/request-target.ts";

describe("targets", () => {
  test.for([
    { target: "/v1/x?a=1", path: "/v1/x?a=1", authority: "" },
    { target: "//evil.example/x", path: "//evil.example/x", authority: "" },
    { target: "http://h/v1/x?a=1", path: "/v1/x?a=1", authority: "h" },
    { target: "HTTP://H.example:8080/", path: "/", authority: "H.example:8080" },
    { target: "https://[::1]:443/x", path: "/x", authority: "[::1]:443" },
    { target: "http://h", path: "/", authority: "h" },
    { target: "http://h?a=1", path: "/?a=1", authority: "h" },
    { target: "http://h//evil.example/x", path: "//evil.example/x", authority: "h" },
    { target: "http://h:/x", path: "/x", authority: "h:" },
    { target: "http://user@h/x", path: undefined, authority: "" },
    { target: "http://h:123456/x", path: undefined, authority: "" },
    { target: "http:///x", path: undefined, authority: "" },
    { target: "ws://h/x", path: undefined, authority: "" },
    { target: "h:80", path: undefined, authority: "" },
    { target: "*", path: undefined, authority: "" },
    { target: "", path: undefined, authority: "" },
    { target: "/x#y", path: undefined, authority: "" },
    { target: "http://h/x#y", path: undefined, authority: "" },
  ])("[unit] $target gives $path of $authority", ({ target, path, authority }) => {
    expect(originForm(target)).toBe(path);
    if (path !== undefined) expect(authorityOf(target)).toBe(authority);
  });

  test.for([
    ["/x", "anything", true],
    ["http://a/x", "a", true],
    ["http://A/x", "a:80", true],
    ["https://a:443/x", "A", true],
    ["http://a:8080/x", "a:8080", true],
    ["http://a:8080/x", "a", false],
    ["http://a/x", "a:443", false],
    ["http://a/x", "b", false],
    ["http://a/x", "", false],
  ] as const)("[unit] %s beside Host: %s agrees: %s", ([target, host, agrees]) => {
    expect(agreesWithHost(target, host)).toBe(agrees);
  });

  test.for([
    ["A.example:80", "a.example"],
    ["a", "a"],
    ["[::1]", "[::1]"],
    ["[::1]:80", "[::1]"],
    ["", ""],
  ] as const)("[unit] the host of %s is %s", ([authority, name]) => {
    expect(hostName(authority)).toBe(name);
  });
});
