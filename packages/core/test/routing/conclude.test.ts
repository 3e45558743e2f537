import { describe, expect, it } from "@jest/globals";
import { type Attempt, combine, type FailureReport, failureCode } from "../../src/routing/classify.ts";

const proxy = { name: "proxy", kind: "proxy", passthrough: false } as const;
const hosted = { name: "hosted", kind: "hosted", passthrough: false } as const;

const absent = (member: Attempt["member"]): Attempt => ({ member, outcome: "not_found", status: 404 });
const failed = (member: Attempt["member"], failure: Partial<FailureReport> = {}): Attempt => ({
  member,
  outcome: "failed",
  failure: { kind: "unreachable", cause: "connection refused", ...failure },
});

describe("when no upstream has it", () => {
  it.each([
    [false, "every upstream answered 404", [absent(proxy), absent(hosted)], "not_found"],
    [true, "every upstream answered 404", [absent(hosted), absent(proxy)], "not_found"],
    [false, "a proxy failed", [failed(proxy), absent(hosted)], "failed"],
    [true, "a proxy failed and hosted answered 404", [absent(hosted), failed(proxy)], "not_found"],
    [true, "hosted failed", [failed(hosted), absent(proxy)], "failed"],
    [false, "hosted failed", [absent(proxy), failed(hosted)], "failed"],
    [true, "a proxy failed and hosted was not asked", [failed(proxy)], "failed"],
    [true, "all failed", [failed(hosted), failed(proxy)], "failed"],
  ])("with proxies excused %s, %s", (excusesProxies, _, attempts, kind) => {
    expect(combine(excusesProxies, attempts).kind).toBe(kind);
  });

  it("names the failures besides a 404", () => {
    const failure = failed(proxy);

    expect(combine(true, [absent(hosted), failure])).toEqual({ kind: "not_found", failures: [failure] });
  });
});

describe("the code of a failure", () => {
  it.each([
    ["unreachable", [failed(proxy), absent(hosted)], "UPSTREAM_FAILED"],
    ["timeout", [failed(proxy, { kind: "timeout" }), absent(hosted)], "UPSTREAM_TIMEOUT"],
    [
      "rate limited",
      [failed(proxy, { kind: "rate-limited", retryAfter: "7" }), absent(hosted)],
      "TOOMANYREQUESTS",
    ],
    [
      "rate limited and timeout",
      [failed(proxy, { kind: "rate-limited" }), failed(hosted, { kind: "timeout" })],
      "UPSTREAM_TIMEOUT",
    ],
    [
      "rate limited and unreachable",
      [failed(proxy, { kind: "rate-limited" }), failed(hosted)],
      "UPSTREAM_FAILED",
    ],
    ["refused", [failed(hosted, { kind: "refused" })], "UPSTREAM_FAILED"],
  ])("%s", (_, attempts, code) => {
    expect(failureCode(attempts).code).toBe(code);
  });

  it("has the longest Retry-After", () => {
    const limits = ["7", "30", "x"].map((retryAfter) => failed(proxy, { kind: "rate-limited", retryAfter }));

    expect(failureCode(limits).retryAfter).toBe("30");
  });

  it("has a date if no upstream sent seconds", () => {
    const date = "Wed, 21 Oct 2026 07:28:00 GMT";

    expect(failureCode([failed(proxy, { kind: "rate-limited", retryAfter: date })]).retryAfter).toBe(date);
  });
});
