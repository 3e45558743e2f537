import { describe, expect, it, jest } from "@jest/globals";
import fc from "fast-check";
import { isPattern, Patterns } from "../../src/routing/patterns.ts";
import { cases } from "../support/cases.ts";

function matches(pattern: string, name: string): boolean {
  return new Patterns([[pattern]]).first(name) === 0;
}

function covers(pattern: string, other: string): boolean {
  return new Patterns([[pattern]]).firstCovering(other) === 0;
}

describe("a pattern", () => {
  it.each([
    ["corp/app", ["corp/app"], ["corp", "corp/app/x", "corp/apps", "xcorp/app"]],
    ["*", ["a", "a-b"], ["a/b"]],
    ["**", ["a", "a/b", "a/b/c"], []],
    ["corp/**", ["corp", "corp/a", "corp/a/b"], ["corporate", "corporate/a", "a/corp"]],
    ["corp/*", ["corp/a"], ["corp", "corp/a/b"]],
    ["**/corp", ["corp", "a/corp", "a/b/corp"], ["corp/a", "acorp"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/b"], ["a", "b", "a/bb"]],
    ["team-*/app", ["team-a/app", "team-a-b/app"], ["team/app", "team-a/apps", "team-a/b/app"]],
    ["*-internal", ["a-internal"], ["internal", "a-internals"]],
    ["a*a", ["aa", "aba"], ["a", "ab"]],
    ["a*b*c", ["abc", "a-b-c", "axbxbxc"], ["ac", "acb", "abcx"]],
    ["ab*ba", ["abba", "ab-ba"], ["aba"]],
    ["**/**", ["a", "a/b"], []],
    ["**/*", ["a", "a/b"], []],
  ])("%s", (pattern, yes, no) => {
    expect(yes.filter((name) => !matches(pattern, name))).toEqual([]);
    expect(no.filter((name) => matches(pattern, name))).toEqual([]);
  });

  it.each(["a", "a/b", "a.b/c_d", "*", "**", "a*", "*a*/**", "library/**/x"])("may be %s", (text) => {
    expect(isPattern(text)).toBe(true);
  });

  it.each([
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "A",
    "a**",
    "***",
    "a/**b",
    "a:tag",
    "a b",
    "a?",
    "[a]",
    "{a,b}",
    "!a",
    "..",
    "a/../b",
    "-a",
    "a_",
    "é",
    "a".repeat(256),
  ])("may not be %j, which matches no name", (text) => {
    expect(isPattern(text)).toBe(false);
  });
});

describe("the first of several", () => {
  const patterns = new Patterns([["corp/secret"], ["corp/**", "team-*"], ["**/secret"], ["**"]]);

  it.each([
    ["corp/secret", 0],
    ["corp/other", 1],
    ["corp", 1],
    ["team-a", 1],
    ["a/secret", 2],
    ["team-a/secret", 2],
    ["library/nginx", 3],
  ])("that matches %s is %d", (name, position) => {
    expect(patterns.first(name)).toBe(position);
  });

  it("is undefined if none matches the name", () => {
    expect(new Patterns([["a"], ["b/*"]]).first("c")).toBeUndefined();
    expect(new Patterns([]).first("c")).toBeUndefined();
  });
});

/** Slow, and plain to see that it is right. */
function obviously(pattern: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  const [first, ...others] = name;
  if (head === undefined) {
    return first === undefined;
  }
  if (head === "**") {
    return obviously(rest, name) || (first !== undefined && obviously(pattern, others));
  }
  return first !== undefined && likeComponent(head, first) && obviously(rest, others);
}

function likeComponent(pattern: string, component: string): boolean {
  if (pattern === "") {
    return component === "";
  }
  return pattern.startsWith("*")
    ? likeComponent(pattern.slice(1), component) ||
        (component !== "" && likeComponent(pattern, component.slice(1)))
    : component[0] === pattern[0] && likeComponent(pattern.slice(1), component.slice(1));
}

const component = fc.stringMatching(/^[ab]{1,4}$/);
const name = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const pattern = fc
  .array(fc.oneof(component, fc.constant("**"), fc.stringMatching(/^[ab*]{1,4}$/)), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join("/"))
  .filter(isPattern);
const entries = fc.array(fc.array(pattern, { minLength: 1, maxLength: 2 }), { maxLength: 6 });

function like(text: string, repository: string): boolean {
  return obviously(text.split("/"), repository.split("/"));
}

describe("for any patterns and name", () => {
  it("the first match is found", () => {
    fc.assert(
      fc.property(entries, name, (all, repository) => {
        const first = all.findIndex((patterns) => patterns.some((one) => like(one, repository)));
        expect(new Patterns(all).first(repository)).toBe(first === -1 ? undefined : first);
      }),
      { numRuns: cases(5_000) },
    );
  });

  it("a covered pattern matches no name that its coverer does not match", () => {
    fc.assert(
      fc.property(pattern, pattern, fc.array(name, { minLength: 20, maxLength: 20 }), (one, other, names) => {
        fc.pre(covers(one, other));
        expect(names.filter((repository) => like(other, repository) && !like(one, repository))).toEqual([]);
      }),
      { numRuns: cases(1_000) },
    );
  });

  it("a pattern covers itself", () => {
    fc.assert(fc.property(pattern, (one) => expect(covers(one, one)).toBe(true)));
  });
});

describe("coverage of patterns", () => {
  it.each([
    ["**", "corp/**"],
    ["**", "*"],
    ["*", "a*"],
    ["a*", "a*b"],
    ["a*c", "a*b*c"],
    ["corp/**", "corp/*/x"],
    ["corp/**", "corp"],
    ["**/x", "a/**/x"],
    ["team-*/**", "team-a/app"],
  ])("%s covers %s", (one, other) => {
    expect(covers(one, other)).toBe(true);
  });

  it.each([
    ["*", "**"],
    ["a*b", "a*"],
    ["corp/*", "corp/**"],
    ["corp/**", "**"],
    ["a*", "*a"],
    ["a/b", "a/*"],
  ])("%s does not cover %s", (one, other) => {
    expect(covers(one, other)).toBe(false);
  });
});

/** How often anything is looked up or looked at. */
function workOf(patterns: Patterns, repository: string): number {
  const spies = [
    jest.spyOn(Map.prototype, "get"),
    jest.spyOn(Set.prototype, "add"),
    jest.spyOn(String.prototype, "slice"),
    jest.spyOn(String.prototype, "indexOf"),
  ];
  patterns.first(repository);
  const work = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  for (const spy of spies) {
    spy.mockRestore();
  }
  return work;
}

describe("the cost of a match", () => {
  it.each<[kind: string, pattern: (index: string) => string, name: string]>([
    ["names", (index) => `corp/app-${index}`, "corp/app-0500"],
    ["namespaces", (index) => `corp-${index}/**`, "corp-0500/a/b"],
    ["beginnings", (index) => `corp-${index}-*/app`, "corp-0500-x/app"],
    ["ends", (index) => `*-${index}`, "app-0500"],
    ["deep names", (index) => `**/app-${index}`, "a/b/c/app-0500"],
    ["names that no pattern matches", (index) => `corp-${index}/*`, "library/nginx"],
  ])("is the same with a thousand rules for %s as with one", (_, patternOf, repository) => {
    const all = Array.from({ length: 1_000 }, (__, index) => [patternOf(String(index).padStart(4, "0"))]);
    const one = new Patterns([[patternOf("0500")]]);

    expect(workOf(new Patterns(all), repository)).toBe(workOf(one, repository));
  });

  it("grows linearly with the name, even for hostile patterns and names", () => {
    const hostile = new Patterns([[`${"*a".repeat(60)}*b`, `${"**/a/".repeat(40)}b`]]);
    const short = workOf(hostile, "a".repeat(120));
    const long = workOf(hostile, "a".repeat(240));
    const shallow = workOf(hostile, Array(64).fill("a").join("/"));
    const deep = workOf(hostile, Array(128).fill("a").join("/"));

    expect(long).toBeLessThanOrEqual(2 * short);
    expect(deep).toBeLessThanOrEqual(3 * shallow);
  });
});
