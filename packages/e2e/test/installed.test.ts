import { copyFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Daemon } from "../src/daemon.ts";
import { request } from "../src/http.ts";
import { nodeReleases } from "../src/node-releases.ts";
import { environmentWith, installPacked } from "../src/packed.ts";
import { childrenOf } from "../src/processes.ts";
import { Resources } from "../src/resources.ts";
import { run } from "../src/run.ts";

const require = createRequire(import.meta.url);
const { version }: { version: string } = require("../../cli/package.json");
const { devDependencies }: { devDependencies: Record<string, string> } = require("../../../package.json");

/** The compilers that users may have; the second one is what this workspace is built with. */
const compilers = { "TypeScript 5": "typescript-5", "TypeScript 7": "typescript" };
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  target: "es2022",
  lib: ["es2022"],
  types: ["node"],
  verbatimModuleSyntax: true,
};

const resources = new Resources();
let folder: string;
let cache: TestRegistry;
let hosted: TestRegistry;

beforeAll(async () => {
  folder = await resources.folder();
  const dependencies = {
    "@combined-registry/core": version,
    "@combined-registry/testkit": version,
    "combined-registry": version,
  };
  const manifest = { private: true, type: "module", dependencies, devDependencies: typesOfNode() };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await installPacked(folder);
  for (const file of ["pull.ts", "require.cts"]) {
    await copyFile(fileURLToPath(new URL(`consumer/${file}`, import.meta.url)), join(folder, file));
  }
  cache = resources.use(await startRegistry());
  hosted = resources.use(await startRegistry());
  cache.addImage("library/hello", { tag: "1.0" });
  hosted.addImage("team/app", { tag: "1.0" });
  await compile(compilers["TypeScript 7"], { module: "nodenext" });
  await writeFile(join(folder, "registries.yaml"), `{ hosted: "${hosted.url}", proxy: "${cache.url}" }\n`);
}, 240_000);

afterAll(() => resources[Symbol.asyncDispose](), 60_000);

function typesOfNode(): Record<string, string> {
  return { "@types/node": devDependencies["@types/node"] ?? "missing" };
}

/** Compiles the consumers where they are. @throws Error with what the compiler says */
async function compile(compiler: string, options: object): Promise<void> {
  const config = { compilerOptions: { ...strict, ...options }, include: ["*.ts", "*.cts"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(dirname(require.resolve(`${compiler}/package.json`)), "bin", "tsc");
  await run(process.execPath, [tsc, "-p", folder], process.env, { folder });
}

/** What npx starts outlives npx when a signal ends that: only a terminal's Ctrl-C reaches both. So the program is told itself. */
async function startWithNpx(node: string) {
  const daemon = await Daemon.start({
    label: "the installed program",
    program: "npx",
    args: ["combined-registry", "--config", "registries.yaml", "--host", "127.0.0.1", "--port", "0"],
    env: environmentWith(node),
    folder,
  });
  const stop = async () => {
    if (daemon.exitCode === null) {
      process.kill(await innermost(daemon.pid), "SIGTERM");
      await daemon.ended();
    }
  };
  return { daemon, stop, [Symbol.asyncDispose]: stop };
}

async function innermost(pid: number): Promise<number> {
  const [child] = await childrenOf(pid);
  return child === undefined ? pid : innermost(child);
}

describe.each(Object.entries(compilers))("types, for %s", (_name, compiler) => {
  it("are right for programs that Node runs as they are", async () => {
    await expect(compile(compiler, { module: "nodenext", noEmit: true })).resolves.toBeUndefined();
  }, 60_000);

  it("are right for bundlers", async () => {
    const bundled = { module: "preserve", moduleResolution: "bundler", noEmit: true };

    await expect(compile(compiler, bundled)).resolves.toBeUndefined();
  }, 60_000);
});

describe.each(nodeReleases())("with Node, $name", ({ install }) => {
  let node: string;
  const runs = (program: string, ...args: string[]) => run(program, args, environmentWith(node), { folder });
  const upstreams = () => ["--hosted", hosted.url, "--proxy", cache.url];

  beforeAll(async () => {
    node = await install();
  }, 240_000);

  it("says its version", async () => {
    expect(await runs("npx", "combined-registry", "--version")).toBe(`${version}\n`);
    expect(await runs("npx", "--call", "node --version")).toBe(await runs(node, "--version"));
  }, 60_000);

  it("checks registries", async () => {
    const report = JSON.parse(await runs("npx", "combined-registry", "check", "--json", ...upstreams()));

    expect(report).toMatchObject({ ok: true, upstreams: [{ name: "hosted" }, { name: "proxy" }] });
  }, 60_000);

  it("serves what a file says, and ends when told", async () => {
    await using router = await startWithNpx(node);
    const port = await router.daemon.waitFor(
      "its port",
      (line) => /listening on http:[^"]*:(\d+)"/.exec(line)?.[1],
    );
    const manifest = (name: string) =>
      request(`http://127.0.0.1:${port}`, "GET", `/v2/${name}/manifests/1.0`);

    const answers = [await manifest("library/hello"), await manifest("team/app")];
    await router.stop();

    expect(answers.map(({ headers }) => headers["x-combined-registry"])).toEqual([
      "proxy; found",
      "hosted; found; proxy not found",
    ]);
    expect(answers[0]?.body).toEqual(cache.manifest("library/hello", "1.0"));
    expect(router.daemon.exitCode).toBe(0);
  }, 60_000);

  it("serves a program that imports it", async () => {
    expect(JSON.parse(await runs(node, "pull.js"))).toEqual({
      pulled: ["library/hello: 2 layers, hub; found", "team/app: 1 layers, hosted; found; hub not found"],
      from: "hub",
    });
  }, 60_000);

  it("serves a program that requires it", async () => {
    expect(JSON.parse(await runs(node, "require.cjs"))).toEqual({ version, status: 200 });
  }, 60_000);
});
