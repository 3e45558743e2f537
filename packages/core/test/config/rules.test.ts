import type { CombinedRegistryConfig, RuleConfig } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { completeConfig } from "../../src/config/complete-config.ts";
import { ConfigError, type ConfigProblem } from "../../src/config/problems.ts";

const hosted = "http://hosted:5000";
const proxy = [
  { name: "hub", url: "http://hub:5000" },
  { name: "ghcr", url: "http://ghcr:5000" },
];

function problemsOf(written: object): readonly ConfigProblem[] {
  try {
    completeConfig(written);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

function problemsOfRules(rules: unknown): readonly ConfigProblem[] {
  return problemsOf({ hosted, proxy, rules });
}

function rulesOf(...rules: RuleConfig[]) {
  return completeConfig({ hosted, proxy, rules } satisfies CombinedRegistryConfig).rules;
}

const fine = { match: "a" };

describe("rules", () => {
  it("have defaults, and a single pattern is a list of one", () => {
    expect(rulesOf({ match: "corp/**" })).toEqual([
      {
        match: ["corp/**"],
        pull: ["proxy", "hosted"],
        push: "hosted",
        onFailure: undefined,
        owned: false,
        shadow: "warn",
        access: { pull: undefined, push: undefined },
      },
    ]);
  });

  it("take no pushes where hosted is not asked", () => {
    expect(rulesOf({ match: "a", pull: ["proxy"] }, { match: "b", pull: ["hub"] })).toMatchObject([
      { push: "deny" },
      { push: "deny" },
    ]);
  });

  it("may name hosted by its own name", () => {
    const config = completeConfig({
      hosted: { url: hosted, name: "private" },
      proxy,
      rules: [{ match: "a", pull: ["private"], push: "hosted" }],
    });

    expect(config.rules[0]).toMatchObject({ pull: ["private"], push: "hosted" });
  });

  it("may be an empty list", () => {
    expect(problemsOfRules([])).toEqual([]);
    expect(problemsOfRules(undefined)).toEqual([]);
  });

  it("may stand before broader ones, and overlap", () => {
    expect(
      problemsOfRules([
        { match: "corp/public/*" },
        { match: "corp/**" },
        { match: ["corp/x", "team/**"] },
        { match: "*/public/**" },
        { match: "**" },
      ]),
    ).toEqual([]);
  });
});

describe("an invalid rule is refused with its index", () => {
  it.each<[what: string, rules: unknown, option: string, expected: RegExp]>([
    ["not a list", {}, "rules", /a list of rules/],
    ["null", null, "rules", /a list of rules/],
    ["not a table", [fine, "b"], "rules[1]", /a table with match/],
    ["without match", [fine, {}], "rules[1].match", /pattern/],
    ["an empty match", [fine, { match: [] }], "rules[1].match", /at least one pattern/],
    ["an empty pattern", [{ match: "" }], "rules[0].match", /such as team/],
    ["a bad pattern", [fine, { match: ["b", "c/[x]"] }], "rules[1].match[1]", /such as team/],
    ["a pattern with a tag", [{ match: "app:latest" }], "rules[0].match", /such as team/],
    ["upper case", [{ match: "Corp/**" }], "rules[0].match", /lower case/],
    ["no upstream to ask", [{ match: "a", pull: [] }], "rules[0].pull", /at least one upstream/],
    ["no list of those to ask", [{ match: "a", pull: "hosted" }], "rules[0].pull", /a list of/],
    [
      "an unknown upstream",
      [fine, { match: "b", pull: ["hosted", "quay"] }],
      "rules[1].pull[1]",
      /^one of hosted, proxy, hub, ghcr$/,
    ],
    [
      "a push that could not be pulled",
      [{ match: "a", pull: ["hub"], push: "hosted" }],
      "rules[0].push",
      /"deny"/,
    ],
    ["another push", [{ match: "a", push: "proxy" }], "rules[0].push", /"hosted", "deny"/],
    ["another onFailure", [{ match: "a", onFailure: "retry" }], "rules[0].onFailure", /"continue", "stop"/],
    ["owned with a string", [{ match: "a", owned: "hosted" }], "rules[0].owned", /true or false/],
    ["a misspelt option", [{ match: "a", pulls: [] }], "rules[0].pulls", /no such option/],
    [
      "a rule after **",
      [fine, { match: "**" }, { match: "corp/**" }],
      "rules[2].match",
      /rules\[1\] \(\*\*\)/,
    ],
    [
      "a rule after a broader one",
      [fine, { match: "corp/**" }, { match: ["corp/app", "corp/x-*/y"] }],
      "rules[2].match",
      /rules\[1\] \(corp\/\*\*\) does not cover/,
    ],
    ["the same again", [{ match: "corp/*" }, { match: "corp/*" }], "rules[1].match", /rules\[0\]/],
    [
      "covered by two rules together",
      [{ match: "a/**" }, { match: "b/**" }, { match: ["b/x", "a/x"] }],
      "rules[2].match",
      /rules\[0\]/,
    ],
  ])("%s", (_, rules, option, expected) => {
    const problems = problemsOfRules(rules);

    expect(problems.map((problem) => problem.option)).toEqual([option]);
    expect(problems[0]?.expected).toMatch(expected);
  });

  it("every one of them is named", () => {
    expect(
      problemsOfRules([
        { match: "**", pull: ["x"] },
        { match: "a", pull: ["y"] },
      ]).map(({ option }) => option),
    ).toEqual(["rules[0].pull[0]", "rules[1].pull[0]", "rules[1].match"]);
  });

  it("a thousand rules are checked at once, the last one too", () => {
    const rules = Array.from({ length: 1_000 }, (_, index) => ({ match: `corp-${index}/**` }));

    expect(problemsOfRules(rules)).toEqual([]);
    expect(problemsOfRules([...rules, { match: "corp-500/app" }])).toMatchObject([
      { option: "rules[1000].match" },
    ]);
  });
});

describe("an upstream's name that rules would misread", () => {
  it.each<[config: object, option: string]>([
    [{ hosted: { url: hosted, name: "proxy" }, proxy: { url: "http://p", name: "hub" } }, "hosted.name"],
    [{ hosted: { url: hosted, name: "private" }, proxy: { url: "http://p", name: "hosted" } }, "proxy.name"],
    [{ hosted, proxy: ["http://p", { url: "http://q", name: "proxy" }] }, "proxy[1].name"],
  ])("%j", (config, option) => {
    expect(problemsOf(config)).toMatchObject([{ option, expected: expect.stringMatching(/^another name/) }]);
  });

  it("is fine where it says what it is", () => {
    expect(
      problemsOf({ hosted: { url: hosted, name: "hosted" }, proxy: { url: "http://p", name: "proxy" } }),
    ).toEqual([]);
  });
});
