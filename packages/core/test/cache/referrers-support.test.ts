import { describe, expect, it } from "@jest/globals";
import { ReferrersSupport } from "../../src/cache/referrers-support.ts";
import { candidate } from "../support/candidate.ts";

describe("whether an upstream has the referrers API", () => {
  it("is known from a response for a limited time", () => {
    let now = 0;
    const apis = new ReferrersSupport(100, () => now);
    const [hosted, proxy] = [candidate("hosted", "hosted"), candidate("proxy", "proxy")];

    apis.learn(hosted, false);
    now = 50;
    apis.learn(proxy, true);
    now = 99;
    expect([apis.has(hosted), apis.has(proxy)]).toEqual([false, true]);

    now = 100;
    expect([apis.has(hosted), apis.has(proxy)]).toEqual([undefined, true]);
  });
});
