import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { defaultRule, type EntryPoint, Policy } from "../../src/routing/policy.ts";
import { type Candidate, type Rule, ruleName } from "../../src/routing/ruling.ts";
import { candidate } from "../support/candidate.ts";
import { cases } from "../support/cases.ts";

const hosted = candidate("private", "hosted", { hosts: ["hosted.example.com"] });
const hub = candidate("hub", "proxy", { namespace: "docker.io", hosts: ["hub.example.com"] });
const ghcr = candidate("ghcr", "proxy", { namespace: "ghcr.io", serves: (name) => name.startsWith("org/") });
const spare = candidate("spare", "proxy");
const anyWay: EntryPoint = { namespace: undefined, host: undefined };

function policyWith(...rules: readonly Partial<Rule>[]): Policy<Candidate> {
  return new Policy({
    hosted,
    proxies: [hub, ghcr, spare],
    rules: rules.map((rule) => ({ ...defaultRule, ...rule })),
  });
}

function pullOf(policy: Policy<Candidate>, name: string, entrance: Partial<EntryPoint> = {}): string[] {
  return policy.rulingFor(name, { ...anyWay, ...entrance }).pull.map((member) => member.name);
}

describe("the upstreams that a rule names", () => {
  it.each<[pull: string[], asked: string[]]>([
    [
      ["proxy", "hosted"],
      ["hub", "ghcr", "spare", "private"],
    ],
    [
      ["hosted", "proxy"],
      ["private", "hub", "ghcr", "spare"],
    ],
    [["hosted"], ["private"]],
    [["private"], ["private"]],
    [["proxy"], ["hub", "ghcr", "spare"]],
    [
      ["spare", "hosted", "hub"],
      ["spare", "private", "hub"],
    ],
    [
      ["spare", "proxy"],
      ["spare", "hub", "ghcr"],
    ],
    [["hosted", "private", "hosted"], ["private"]],
  ])("pull: %j", (pull, asked) => {
    expect(pullOf(policyWith({ pull }), "org/app")).toEqual(asked);
  });

  it("are those of the first rule that matches", () => {
    const policy = policyWith(
      { match: ["corp/public/**"], pull: ["proxy"], push: "deny" },
      { match: ["corp/**", "team-*/**"], pull: ["hosted"], onFailure: "stop" },
      { match: ["**"], pull: ["hub"], push: "deny" },
    );

    expect(policy.rulingFor("corp/public/x", anyWay)).toMatchObject({ position: 0, push: undefined });
    expect(policy.rulingFor("team-a/x", anyWay)).toMatchObject({
      position: 1,
      pull: [hosted],
      push: hosted,
      onFailure: "stop",
    });
    expect(policy.rulingFor("corp", anyWay)).toMatchObject({ position: 1 });
    expect(policy.rulingFor("corporate", anyWay)).toMatchObject({ position: 2, pull: [hub] });
  });

  it("are every proxy in order, then hosted, for a name without a rule", () => {
    const ruling = policyWith({ match: ["corp/**"] }).rulingFor("org/app", anyWay);

    expect(ruling).toMatchObject({ position: undefined, push: hosted, onFailure: undefined, owned: false });
    expect(ruling.pull).toEqual([hub, ghcr, spare, hosted]);
    expect(ruleName(ruling)).toBe("the default rule");
  });

  it("do not include a proxy whose `match` does not cover the name", () => {
    expect(pullOf(policyWith(), "library/nginx")).toEqual(["hub", "spare", "private"]);
    expect(pullOf(policyWith({ pull: ["ghcr"] }), "library/nginx")).toEqual([]);
  });
});

describe("?ns=", () => {
  it.each<[namespace: string, asked: string[]]>([
    ["docker.io", ["hub"]],
    ["ghcr.io", ["ghcr"]],
    ["quay.io", ["spare", "private"]],
  ])("%s", (namespace, asked) => {
    expect(pullOf(policyWith(), "org/app", { namespace })).toEqual(asked);
  });

  it("selects no upstream that the rule does not name", () => {
    expect(pullOf(policyWith({ pull: ["hosted"] }), "org/app", { namespace: "docker.io" })).toEqual([]);
    expect(pullOf(policyWith({ pull: ["hosted"] }), "org/app", { namespace: "quay.io" })).toEqual([
      "private",
    ]);
  });

  it("takes no pushes to a registry that is only mirrored", () => {
    const policy = policyWith();

    expect(policy.rulingFor("a", { ...anyWay, namespace: "docker.io" })).toMatchObject({
      push: undefined,
      noPushBy: "namespace",
    });
    expect(policy.rulingFor("a", { ...anyWay, namespace: "quay.io" }).push).toBe(hosted);
  });

  it("is acknowledged only where a proxy serves that registry", () => {
    const policy = policyWith();

    expect(policy.namespaceOf({ ...anyWay, namespace: "ghcr.io" })).toBe("ghcr.io");
    expect(policy.namespaceOf({ ...anyWay, namespace: "quay.io" })).toBeUndefined();
    expect(policy.namespaceOf(anyWay)).toBeUndefined();
  });
});

describe("a host name that stands for one registry", () => {
  it.each<[host: string | undefined, asked: string[], push: Candidate | undefined]>([
    ["hosted.example.com", ["private"], hosted],
    ["hub.example.com", ["hub"], undefined],
    ["registry.example.com", ["hub", "ghcr", "spare", "private"], hosted],
    [undefined, ["hub", "ghcr", "spare", "private"], hosted],
  ])("%s", (host, asked, push) => {
    const ruling = policyWith().rulingFor("org/app", { ...anyWay, host });

    expect(ruling.pull.map(({ name }) => name)).toEqual(asked);
    expect(ruling.push).toBe(push);
  });

  it("does not bypass a rule", () => {
    const policy = policyWith({ match: ["corp/**"], pull: ["hosted"] }, { match: ["**"], push: "deny" });

    expect(pullOf(policy, "corp/app", { host: "hub.example.com" })).toEqual([]);
    expect(policy.rulingFor("a", { ...anyWay, host: "hosted.example.com" })).toMatchObject({
      push: undefined,
      noPushBy: undefined,
    });
  });
});

describe("for any rules, name, ?ns= and host", () => {
  const names = ["hosted", "proxy", "private", "hub", "ghcr", "spare"];
  const rule = fc.record({
    match: fc.subarray(["org/*", "corp/**", "**/app", "*", "**"], { minLength: 1 }),
    pull: fc.shuffledSubarray(names, { minLength: 1 }),
    push: fc.constantFrom<"hosted" | "deny">("hosted", "deny"),
  });
  const entrance = fc.record({
    namespace: fc.constantFrom(undefined, "docker.io", "ghcr.io", "quay.io"),
    host: fc.constantFrom(undefined, "hosted.example.com", "hub.example.com", "other.example.com"),
  });
  const name = fc.constantFrom("org/app", "corp/a/app", "corp", "library/tool", "app");

  it("?ns= and host only restrict what the rule allows, and keep its order", () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), name, entrance, (rules, repository, way) => {
        const policy = policyWith(...rules);
        const full = policy.rulingFor(repository, anyWay);
        const narrow = policy.rulingFor(repository, way);
        const left = full.pull.filter((member) => narrow.pull.includes(member));

        expect(narrow.pull).toEqual(left);
        expect([undefined, full.push]).toContain(narrow.push);
        expect({ ...narrow, pull: [], push: undefined, noPushBy: undefined }).toEqual({
          ...full,
          pull: [],
          push: undefined,
          noPushBy: undefined,
        });
      }),
      { numRuns: cases(2_000) },
    );
  });
});
