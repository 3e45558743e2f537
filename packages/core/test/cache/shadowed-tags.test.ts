import { describe, expect, it } from "@jest/globals";
import { compareDigests, otherSideOf, ShadowLog } from "../../src/cache/shadowed-tags.ts";
import { candidate } from "../support/candidate.ts";
import { until } from "../support/within.ts";

const hosted = candidate("hosted", "hosted");
const first = candidate("first", "proxy");
const second = candidate("second", "proxy");
const a = `sha256:${"a".repeat(64)}`;
const b = `sha256:${"b".repeat(64)}`;

describe("the upstreams asked about a tag besides the one that served it", () => {
  const all = [first, second, hosted];
  it.each([
    ["a proxy's: hosted", first, all, "warn", false, [hosted]],
    ["hosted's: every proxy of the policy", hosted, all, "deny", false, [first, second]],
    ["hosted's: no proxy that the policy does not name", hosted, [hosted, second], "warn", false, [second]],
    ["hosted's, where the policy names no proxy: none", hosted, [hosted], "warn", false, []],
    ["a proxy's, where the policy does not name hosted: none", first, [first, second], "warn", false, []],
    ["none, where shadows are allowed", first, all, "allow", false, []],
    ["none, where hosted owns its repositories: no proxy is asked for those", hosted, all, "deny", true, []],
    ["none, where hosted owns its repositories, and does not have this one", first, all, "warn", true, []],
  ] as const)("%s", (_, holder, members, shadow, owned, expected) => {
    expect(otherSideOf(holder, members, { shadow, owned })).toEqual(expected);
  });
});

describe("two digests", () => {
  it.each([
    [a, a, "same"],
    [a, b, "different"],
    [a, `sha512:${"a".repeat(128)}`, "incomparable"],
  ] as const)("%s and %s are %s", (one, other, expected) => {
    expect(compareDigests(one, other)).toBe(expected);
  });
});

describe("checks", () => {
  it("are made of each tag once in a period, whatever the result", async () => {
    const lasting = new ShadowLog();
    const brief = new ShadowLog(10);
    const begin = (memory: ShadowLog, tag: string) => {
      const begun = memory.begin("team/app", tag);
      if (begun) {
        memory.end();
      }
      return begun;
    };

    expect(["1", "1", "2"].map((tag) => begin(lasting, tag))).toEqual([true, false, true]);
    expect(begin(brief, "1")).toBe(true);
    await until(5_000, "another check", () => begin(brief, "1"));
  });

  it("are four at a time; a rejected one may be made later", () => {
    const memory = new ShadowLog();

    expect(["1", "2", "3", "4", "5"].map((tag) => memory.begin("team/app", tag))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    memory.end();
    expect(memory.begin("team/app", "5")).toBe(true);
  });

  it("use bounded memory for any number of tags: the tag checked longest ago is forgotten first", () => {
    const memory = new ShadowLog();
    for (let tag = 0; tag <= 10_000; tag += 1) {
      memory.begin("team/app", String(tag));
      memory.end();
    }

    expect([memory.begin("team/app", "10000"), memory.begin("team/app", "0")]).toEqual([false, true]);
  });
});

describe("a shadowed tag", () => {
  const found = {
    repository: "team/app",
    tag: "1",
    hosted: { member: hosted, digest: a },
    proxy: { member: first, digest: b },
  };

  it("is new once, and again with another digest, proxy, tag or repository", () => {
    const memory = new ShadowLog();

    expect([memory.isNews(found), memory.isNews({ ...found })]).toEqual([true, false]);
    expect(
      [
        { ...found, hosted: { member: hosted, digest: `sha256:${"c".repeat(64)}` } },
        { ...found, proxy: { member: first, digest: `sha256:${"c".repeat(64)}` } },
        { ...found, proxy: { member: second, digest: b } },
        { ...found, tag: "2" },
        { ...found, repository: "team/other" },
      ].map((other) => memory.isNews(other)),
    ).toEqual([true, true, true, true, true]);
  });
});
