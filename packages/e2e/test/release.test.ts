import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { run } from "../src/run.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const packages = ["cli", "core", "testkit"];
const copied = [
  "package.json",
  "pnpm-workspace.yaml",
  "scripts/version.mjs",
  ".changeset/config.json",
  ...["bench", "deadline", "e2e", ...packages].map((name) => `packages/${name}/package.json`),
  ...packages.map((name) => `packages/${name}/CHANGELOG.md`),
  "packages/core/src/version.ts",
  "packages/cli/Dockerfile",
  "examples/kubernetes/Chart.yaml",
  "examples/jest-harness/package.json",
];

const resources = new Resources();
let folder: string;
const read = (path: string) => readFile(join(folder, path), "utf8");
const git = (...args: string[]) =>
  run("git", ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", ...args], process.env, {
    folder,
  });

describeE2E("what a release changes", ["git"], () => {
  beforeAll(async () => {
    folder = await resources.folder();
    for (const path of copied) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await cp(join(root, path), join(folder, path));
    }
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await writeFile(
      join(folder, ".changeset/a-change.md"),
      '---\n"@combined-registry/core": minor\n---\n\nSomething that users see.\n',
    );
    await git("init", "--quiet", "--initial-branch=main");
    await git("add", ".");
    await git("commit", "--quiet", "--message=A change");
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose]());

  it("gives the next version to all three packages, to whatever repeats it and to the changelogs", async () => {
    const before: { version: string } = JSON.parse(await read("packages/core/package.json"));
    const [major, minor] = before.version.split(".").map(Number);
    const next = `${major}.${Number(minor) + 1}.0`;

    await run(process.execPath, ["scripts/version.mjs"], process.env, { folder });

    const manifests = await Promise.all(packages.map((name) => read(`packages/${name}/package.json`)));
    expect(manifests.map((text) => JSON.parse(text).version)).toEqual([next, next, next]);
    expect(await read("packages/core/src/version.ts")).toContain(`version = "${next}";`);
    expect(await read("packages/cli/Dockerfile")).toContain(`\nARG VERSION=${next}\n`);
    expect(await read("examples/kubernetes/Chart.yaml")).toContain(
      `\nversion: ${next}\nappVersion: ${next}\n`,
    );
    expect(await read("packages/core/CHANGELOG.md")).toMatch(
      new RegExp(`## ${next}\\n\\n### Minor Changes\\n\\n- .*Something that users see\\.`),
    );
    expect(JSON.parse(await read("packages/e2e/package.json")).version).toBe("0.0.0");
    // Anything else in it would be in the lockfile too, which would be out of date.
    const example = "examples/jest-harness/package.json";
    expect(await read(example)).toBe(await readFile(join(root, example), "utf8"));
  }, 60_000);
});
