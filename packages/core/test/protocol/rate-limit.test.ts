import { describe, expect, it } from "@jest/globals";
import { rateLimitRemaining } from "../../src/protocol/headers.ts";

describe("RateLimit-Remaining", () => {
  it.each([
    ["99;w=21600", 99],
    ["0;w=21600", 0],
    ["12", 12],
    [" 7 , 100;w=60", 7],
    ["", undefined],
    ["many", undefined],
    ["-1", undefined],
    ["1e9", undefined],
    [`${"9".repeat(400)}`, undefined],
  ])("%j is read as %p", (value, remaining) => {
    expect(rateLimitRemaining(["RateLimit-Remaining", value])).toBe(remaining);
  });

  it("is found in any case, and may be missing", () => {
    expect(rateLimitRemaining(["RateLimit-Limit", "100;w=21600", "ratelimit-remaining", "3"])).toBe(3);
    expect(rateLimitRemaining(["RateLimit-Limit", "100;w=21600"])).toBeUndefined();
  });
});
