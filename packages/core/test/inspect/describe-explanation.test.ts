import { describeExplanation, type ExplainedRule, type Explanation } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const rule: ExplainedRule = {
  name: "rules[1]",
  position: 1,
  match: ["team/**", "corp/**"],
  pull: ["proxy", "hosted"],
  push: "hosted",
  onFailure: "stop",
  owned: true,
  shadow: "deny",
  access: { pull: "authenticated", push: ["alice", "bob"] },
};
const explanation: Explanation = {
  image: "team/app:1",
  repository: "team/app",
  reference: "1",
  rule,
  upstreams: [
    {
      name: "proxy",
      kind: "proxy",
      repository: "team/app",
      outcome: "found",
      method: "HEAD",
      digest: digest("1"),
      latency: 1,
      breaker: "closed",
    },
  ],
  skipped: [],
  pull: { from: "proxy", status: 200, because: "it is asked first" },
  stopsAfterFailureOf: ["proxy"],
  push: { to: "hosted", because: "rules[1] says push: hosted" },
  shadowing: [
    { hosted: { name: "hosted", digest: digest("0") }, proxy: { name: "proxy", digest: digest("1") } },
  ],
  advice: [],
};

describe("an explanation in words", () => {
  it("has the rule, the clients that it lets in, the digest of a pull and both digests of a shadowed tag", () => {
    expect(describeExplanation(explanation)).toEqual({
      rule: "rules[1]: match team/**, corp/**; pull proxy, hosted; on failure stop; owned; shadow deny",
      pulledBy: "every user",
      pushedBy: "alice, bob",
      host: undefined,
      digest: digest("1"),
      shadowing: [`proxy has ${digest("1")}, hosted ${digest("0")}`],
    });
  });

  it("names neither patterns nor users if it is redacted", () => {
    const { rule, pushedBy } = describeExplanation(explanation, { redacted: true });

    expect(rule).toBe("rules[1]: pull proxy, hosted; on failure stop; owned; shadow deny");
    expect(pushedBy).toBe("some users");
  });

  it.each<[ExplainedRule["onFailure"], readonly string[], string]>([
    [undefined, [], "rules[1]: pull proxy, hosted; owned; shadow deny"],
    [undefined, ["hosted"], "rules[1]: pull proxy, hosted; on failure of hosted stop; owned; shadow deny"],
    ["continue", [], "rules[1]: pull proxy, hosted; on failure continue; owned; shadow deny"],
    ["stop", ["proxy"], "rules[1]: pull proxy, hosted; on failure stop; owned; shadow deny"],
  ])("says which failures end a pull: %s, %j", (onFailure, stopsAfterFailureOf, text) => {
    const { onFailure: _, ...others } = rule;
    const given = { ...others, ...(onFailure !== undefined && { onFailure }) };

    const described = describeExplanation(
      { ...explanation, rule: given, stopsAfterFailureOf },
      { redacted: true },
    );

    expect(described.rule).toBe(text);
  });

  it.each([
    ["hosts", "docker.io: selects one registry"],
    ["namespace", "docker.io: the namespace of a proxy"],
    ["nothing", "docker.io: not an upstream's hosts or namespace, ignored"],
  ] as const)("says what a host is taken for: %s", (means, text) => {
    expect(describeExplanation({ ...explanation, host: { name: "docker.io", means } }).host).toBe(text);
  });

  it.each([
    ["anonymous", "anyone"],
    ["authorize", "clients that the router lets in"],
  ] as const)("says whom access is open to: %s", (pull, text) => {
    const access = { ...rule.access, pull };

    expect(describeExplanation({ ...explanation, rule: { ...rule, access } }).pulledBy).toBe(text);
  });
});
