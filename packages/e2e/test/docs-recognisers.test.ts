import { describe, expect, it } from "@jest/globals";
import { fencedIn, spansIn } from "../src/doc-pages.ts";
import { flagsIn, listedIn } from "../src/named-flags.ts";
import { Options, optionsOf } from "../src/named-options.ts";
import { metricsIn, shortMetric, wordsIn } from "../src/named-words.ts";

const upstream = {
  anyOf: [
    { type: "string" },
    {
      type: "object",
      properties: {
        auth: { enum: ["passthrough"] },
        hosts: { type: "array" },
        breaker: { type: "object", properties: { delay: { type: "integer" } } },
      },
    },
  ],
};
const rule = {
  type: "object",
  properties: { match: { type: "string" }, shadow: { enum: ["allow", "deny"] } },
};
const options = new Options({
  type: "object",
  properties: {
    hosted: upstream,
    proxy: { anyOf: [upstream, { type: "array", items: upstream }] },
    rules: { type: "array", items: rule },
    memory: { type: "object", properties: { ttl: { type: "integer" } } },
  },
});

describe("options", () => {
  it.each([
    "memory.ttl",
    "hosted.auth",
    "proxy.breaker.delay",
    "breaker.delay",
    "rules[2].shadow",
    "rules[].match",
    "config.memory.ttl",
    "shadow: deny",
    "hosted.auth: passthrough",
    '{ match: "corp/**", shadow: deny }',
    // None of ours.
    "hosts.toml",
    "request.headers",
    '{ decision: "deny", message }',
    "{ hits, remove() }",
    "X-Combined-Registry: hosted; found",
    "hosted failed (connection refused)",
  ])("nothing is wrong with %s", (span) => {
    expect(options.wrongIn(span)).toEqual([]);
  });

  it.each([
    ["memory.tll", "memory.tll"],
    ["config.memory.tll", "memory.tll"],
    ["hosted.breaker.dealy", "hosted.breaker.dealy"],
    ["breaker.dealy", "breaker.dealy"],
    ["rules[2].shadwo", "rules[2].shadwo"],
    ["shadwo: deny", "shadwo"],
    ["shadow: refuse", "shadow"],
    ['{ match: "corp/**", shadwo: deny }', "shadwo"],
    ['{ match: "corp/**", shadow: refuse }', "shadow"],
  ])("%s is found wrong", (span, path) => {
    expect(options.wrongIn(span).map((option) => option.path)).toEqual([path]);
  });

  it("are those at the top of a configuration, or under config", () => {
    const found = ["memory: { ttl: 1 }\nhosted: x\n", "config:\n  rules: 7\n"].flatMap(optionsOf);

    expect(found.map((option) => [option.path, options.has(option)])).toEqual([
      ["memory", true],
      ["hosted", true],
      ["rules", false],
    ]);
  });
});

describe("flags", () => {
  const commands = ["check", "init"];

  it.each([
    ["--hosted <url>", [["--hosted", undefined]]],
    [
      "npx combined-registry --demo --once",
      [
        ["--demo", ""],
        ["--once", ""],
      ],
    ],
    ["npx combined-registry check --json   # not --xml", [["--json", "check"]]],
    ["HOST=::1 combined-registry init --yes < a--file", [["--yes", "init"]]],
    ["source <(combined-registry check --json)", [["--json", "check"]]],
    ["kubectl exec --stdin pod -- node combined-registry.js check --json", [["--json", "check"]]],
    ["docker build --tag combined-registry .", []],
    ["npm install --prefix /opt/combined-registry combined-registry", []],
  ])("in %s", (code, expected) => {
    expect(flagsIn(code, commands).map(({ flag, command }) => [flag, command])).toEqual(expected);
  });

  it("and commands are those that the help lists", () => {
    const help = `
Options:
  --config <file>  that
  -h, --help       help, not --this

Commands:
  check [options]  says
  init             asks

Examples:
  combined-registry --demo  it
`;
    expect(listedIn(help, "flags")).toEqual(["--config", "--help"]);
    expect(listedIn(help, "commands")).toEqual(commands);
  });
});

it("metrics have their prefix, or the words of one", () => {
  const text = "rate(combined_registry_a_seconds_bucket[1m]) > combined_registry_b_total, combined_registry_";

  expect(metricsIn(text)).toEqual(["combined_registry_a_seconds", "combined_registry_b_total"]);
  expect(["bytes_total", 'a_b{c="d"}', "_catalog", "proxy_buffering off", "word"].map(shortMetric)).toEqual([
    "bytes_total",
    "a_b",
    undefined,
    undefined,
    undefined,
  ]);
});

it("words are those that are no plain English", () => {
  expect(wordsIn("if trustProxy, set HOSTED_URL and PORT of the JSON: registry.getMetricsAsJSON()")).toEqual([
    "trustProxy",
    "HOSTED_URL",
    "getMetricsAsJSON",
  ]);
});

it("a page has blocks and pieces of code", () => {
  const page = "`a` and `b \\| c`\n\n```sh\nd `e`\n```\n\n```\nf\n```\n";

  expect(spansIn(page)).toEqual(["a", "b | c"]);
  expect(fencedIn(page)).toEqual([
    { language: "sh", text: "d `e`\n" },
    { language: "", text: "f\n" },
  ]);
});
