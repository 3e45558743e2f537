import { readdirSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { checkout } from "../src/checkout.ts";
import { docPages, fencedIn, readPage, spansIn } from "../src/doc-pages.ts";
import { request } from "../src/http.ts";
import { flagsIn, listedIn } from "../src/named-flags.ts";
import { Options, optionsOf } from "../src/named-options.ts";
import { metricsIn, shortMetric, wordsIn } from "../src/named-words.ts";
import { Resources } from "../src/resources.ts";
import { program, startRouter } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";

/** What pages name that is somebody else's, and whose. */
const others: Readonly<Record<string, string>> = {
  "--build-arg NODE_IMAGE=...": "docker's",
  "--format docker": "buildah's",
  "--tls-verify=false": "podman's and skopeo's",
  "--quick": "the benchmark's",
  reverse_proxy: "caddy's",
  handle_response: "caddy's",
  REGISTRY_HTTP_SECRET: "distribution's",
  "validation.manifests.indexes.platforms: none": "distribution's",
  ssl_certificate: "nginx'",
  ssl_certificate_key: "nginx'",
  auth_basic: "nginx'",
  auth_basic_user_file: "nginx'",
  proxy_set_header: "nginx'",
  proxy_read_timeout: "nginx'",
  selectProjects: "jest's",
  shouldUpgradeCallback: "Node's",
  'shouldUpgradeCallback: ({ headers }) => headers.upgrade === "websocket"': "Node's",
  serverFactory: "fastify's",
  "complete: false": "a line of the log",
  "metrics: { page }": "a function, which only programs can give",
  'hosted: { url, auth: "passthrough" }': "with a variable of JavaScript",
};

const isOurs = (name: string) => !Object.hasOwn(others, name);

/** The text of everything that the product consists of, but for its documentation and tests. */
function ownText(path: string): string {
  if (statSync(path).isFile()) {
    return path.endsWith(".md") ? "" : readFileSync(path, "utf8");
  }
  const entries = readdirSync(path).filter((name) => !/^(?:node_modules|dist|test)$/.test(name));
  return entries.map((name) => ownText(join(path, name))).join("\n");
}

/** What is in a shell's blocks of a page, line by line. */
function linesIn(text: string): string[] {
  const blocks = fencedIn(text).filter(({ language }) => /^(?:sh|console)$/.test(language));
  return blocks.flatMap((block) => block.text.split("\n"));
}

const resources = new Resources();
const options = new Options(JSON.parse(readFileSync(join(checkout, "packages/cli/schema.json"), "utf8")));
const flags = new Map<string, readonly string[]>();
let commands: string[];
let metrics: string[];
let own: Set<string>;

beforeAll(async () => {
  const text = ["packages", "examples", ".github", ".ci"]
    .map((path) => ownText(join(checkout, path)))
    .join("\n");
  own = new Set(text.match(/\w+/g));
  const help = (args: string[]) =>
    run(process.execPath, [program, ...args, "--help"], { PATH: searchPath, COLUMNS: "200" });
  const main = await help([]);
  flags.set("", listedIn(main, "flags"));
  commands = listedIn(main, "commands").filter((name) => name !== "help");
  for (const command of commands) {
    flags.set(command, listedIn(await help([command]), "flags"));
  }
  metrics = await exposed();
}, 60_000);

afterAll(() => resources[Symbol.asyncDispose](), 30_000);

/** The names of all metrics that the program can have. */
async function exposed(): Promise<string[]> {
  const folder = await resources.folder();
  const file = join(folder, "router.json");
  const upstreams = { hosted: "http://127.0.0.1:1", proxy: "http://127.0.0.1:1" };
  const config = { ...upstreams, host: "127.0.0.1", workers: 2, metrics: { process: true } };
  await writeFile(file, JSON.stringify(config));
  await using router = await startRouter({ args: ["--config", file], folder });
  const page = (await request(router.origin, "GET", "/metrics")).body.toString();
  return [...page.matchAll(/^# HELP (\S+)/gm)].map(([, name = ""]) => name);
}

describe.each(docPages)("%s", (page) => {
  const text = readPage(page);
  const spans = spansIn(text).filter(isOurs);
  const code = [...spans, ...linesIn(text)];

  // The registry for tests has options of its own.
  if (page !== "packages/testkit/README.md") {
    it("names options that there are, with values that they can have", () => {
      expect(spans.flatMap((span) => options.wrongIn(span))).toEqual([]);
    });
  }

  it("shows configurations of options that there are, with values that they can have", () => {
    // Files of compose have services, and its own words.
    const shown = fencedIn(text).filter(
      (block) => block.language === "yaml" && !block.text.startsWith("services:"),
    );

    expect(shown.flatMap((block) => optionsOf(block.text)).filter((option) => !options.has(option))).toEqual(
      [],
    );
  });

  it("names flags that the program has, or the command to which they are given", () => {
    const any = [...flags.values()].flat();
    const named = code.flatMap((piece) => flagsIn(piece, commands));

    expect(named.filter(({ flag, command }) => !(flags.get(command ?? "any") ?? any).includes(flag))).toEqual(
      [],
    );
  });

  it("names metrics that the program has", () => {
    const short = spans.flatMap((span) => shortMetric(span) ?? []).filter(isOurs);
    const named = [...metricsIn(text), ...short];

    expect(
      named.filter((name) => ![name, `combined_registry_${name}`].some((full) => metrics.includes(full))),
    ).toEqual([]);
  });

  it("names variables, functions and fields that the code has", () => {
    const named = code.flatMap(wordsIn).filter(isOurs);

    expect(named.filter((word) => !own.has(word))).toEqual([]);
  });
});

it("what is somebody else's is still named somewhere", () => {
  const code = docPages.map(readPage).flatMap((text) => [...spansIn(text), ...linesIn(text)]);
  const named = new Set(code.flatMap((piece) => [piece, ...wordsIn(piece)]));

  expect(Object.keys(others).filter((name) => !named.has(name))).toEqual([]);
});
