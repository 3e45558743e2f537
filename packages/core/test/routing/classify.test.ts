import { describe, expect, it } from "@jest/globals";
import { classify } from "../../src/routing/classify.ts";

const proxy = { name: "proxy", kind: "proxy", passthrough: false } as const;
const hosted = { name: "hosted", kind: "hosted", passthrough: false } as const;
const passthrough = { ...hosted, passthrough: true };

// As answered by distribution 2.8 and 3.1 in proxy mode to an unknown manifest digest.
const inner = {
  errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown", detail: "unknown manifest name=a" }],
};
const distribution2 = JSON.stringify({
  errors: [{ code: "UNKNOWN", message: "unknown error", detail: inner }],
});
const distribution3 = JSON.stringify({
  errors: [{ code: "UNKNOWN", message: "unknown error", detail: "manifest unknown: manifest unknown" }],
});
const unreachable = JSON.stringify({
  errors: [{ code: "UNKNOWN", message: "unknown error", detail: { Op: "Get", Err: { Op: "dial" } } }],
});

describe("a response to a lookup means", () => {
  it.each([
    ["found", proxy, [200, 206, 304, 301, 302, 307, 308, 416]],
    ["found", hosted, [200, 206, 304, 301, 302, 307, 308, 416]],
    ["not_found", proxy, [400, 401, 403, 404, 405, 406, 410, 451]],
    ["failed", proxy, [408, 409, 413, 429, 431, 500, 502, 503, 504, 599]],
    ["not_found", hosted, [404]],
    ["final", hosted, [400, 405, 409, 416 + 1, 422]],
    ["failed", hosted, [401, 403, 408, 429, 500, 502, 503, 504]],
    ["final", passthrough, [401, 403, 400]],
    ["not_found", passthrough, [404]],
  ] as const)("%s", (expected, member, statuses) => {
    for (const status of statuses) {
      expect([status, classify(member, { status, headers: [], body: "" })]).toEqual([status, expected]);
    }
  });

  it.each([
    ["distribution 2.8's 500 for an unknown digest", distribution2, "not_found"],
    ["distribution 3.1's 500 for an unknown digest", distribution3, "not_found"],
    [
      "a 500 with a code for missing content",
      JSON.stringify({ errors: [{ code: "BLOB_UNKNOWN" }] }),
      "not_found",
    ],
    ["a 500 because its own upstream is down", unreachable, "failed"],
    [
      "a 500 whose message only mentions it",
      JSON.stringify({ errors: [{ code: "UNKNOWN", message: "MANIFEST_UNKNOWN" }] }),
      "failed",
    ],
    ["a 500 in HTML", "<h1>manifest unknown</h1>", "failed"],
    ["a 500 with JSON that is no error list", '{"errors":"MANIFEST_UNKNOWN"}', "failed"],
    ["a 500 with null in its list", '{"errors":[null]}', "failed"],
  ])("%s", (_, body, expected) => {
    expect(classify(proxy, { status: 500, headers: [], body })).toBe(expected);
  });
});
