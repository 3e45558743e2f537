import { readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { checkout } from "../src/checkout.ts";
import { type PackageName, packAll, sourceOf } from "../src/packed.ts";
import { Resources } from "../src/resources.ts";
import { run } from "../src/run.ts";
import { filesIn } from "../src/sizes.ts";

const tool = (name: string) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
const environment = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined };
const names: readonly PackageName[] = [
  "@combined-registry/core",
  "@combined-registry/testkit",
  "combined-registry",
];

describe.each(names)("what is published as %s", (name) => {
  const resources = new Resources();
  let tarball: string;
  /** The tarball's content. */
  let folder: string;
  let files: string[];

  beforeAll(async () => {
    tarball = (await packAll())[name];
    folder = await resources.folder();
    await run("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"], process.env);
    files = (await filesIn(folder)).map(({ path }) => path);
  }, 120_000);

  afterAll(() => resources[Symbol.asyncDispose]());

  it("stands where nobody but the checkout's owner could have put another one", () => {
    expect(tarball.startsWith(join(checkout, "node_modules/"))).toBe(true);
  });

  it("has nothing that publint minds", async () => {
    expect(await run(tool("publint"), ["run", tarball, "--strict"], environment)).toContain("All good!");
  }, 60_000);

  it("has types that every way of importing finds", async () => {
    const said = await run(
      tool("attw"),
      [tarball, "--profile", "esm-only", "--format", "ascii"],
      environment,
    );

    expect(said).toContain(`${name}/package.json`);
  }, 60_000);

  it("has a licence and a page, and no tests or leftovers of builds", () => {
    const odd = files.filter((path) => !/^(?:dist|src|bin)\//.test(path));

    const schema = name === "combined-registry" ? ["schema.json"] : [];
    expect(odd.sort()).toEqual(["LICENSE", "README.md", "package.json", ...schema]);
    expect(files.filter((path) => /test\.|tsbuildinfo/.test(path))).toEqual([]);
  });

  it("has the source of everything that was built, and what was built of every source", async () => {
    const maps = files.filter((path) => path.endsWith(".map"));
    const named = await Promise.all(maps.map((map) => sourcesOf(folder, map)));
    const sources = files.filter((path) => path.startsWith("src/") && !path.endsWith(".d.ts"));

    expect([...new Set(named.flat())].sort()).toEqual(sources.sort());
  });

  it("tells where it comes from, and asks npm for a proof of that", async () => {
    const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));

    expect(manifest).toMatchObject({
      repository: { type: "git", directory: `packages/${posix.basename(sourceOf(name))}` },
      bugs: expect.stringMatching(/^https:/),
      publishConfig: { access: "public", provenance: true },
      engines: { node: ">=20.19" },
    });
    expect(JSON.stringify(manifest.dependencies ?? {})).not.toContain("workspace:");
  });
});

async function sourcesOf(folder: string, map: string): Promise<string[]> {
  const { sources }: { sources: string[] } = JSON.parse(await readFile(join(folder, map), "utf8"));
  return sources.map((source) => posix.join(dirname(map), source));
}
