import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRegistry } from "@combined-registry/testkit";
import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import { checkout } from "../src/checkout.ts";
import { commandsIn } from "../src/doc-commands.ts";
import { readPage } from "../src/doc-pages.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { program } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";

// What pages have people type, typed in a shell: what no other test runs just as it stands there.
const resources = new Resources();
let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await resources.folder();
  const programs = join(folder, "bin");
  await mkdir(programs);
  await script(join(programs, "combined-registry"), `exec "${process.execPath}" "${program}" "$@"`);
  await script(join(programs, "npx"), 'exec "$@"');
  env = { PATH: `${programs}:${searchPath}`, HOME: folder };
});

afterAll(() => resources[Symbol.asyncDispose](), 30_000);

async function script(file: string, text: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
}

/** The commands of a page that begin so. @throws Error if there are none */
function commands(page: string, begin: RegExp): string[] {
  const found = commandsIn(readPage(page)).filter((command) => begin.test(command));
  if (found.length === 0) {
    throw new Error(`${page} has no command like ${begin}`);
  }
  return found;
}

const typed = (command: string) => run("bash", ["-e", "-c", command], env, { folder });
const written = (file: string) => readFile(join(folder, file), "utf8");

describe("docs/configuration.md", () => {
  it("init writes what it is told, by flags or by the environment", async () => {
    await writeFile(join(folder, "password"), "wonderland\n");
    const [byFlags = "", addsUser = "", byEnvironment = ""] = commands(
      "docs/configuration.md",
      /combined-registry init -/,
    );

    await typed(byFlags);
    expect(await written("combined-registry.yaml")).toContain("name: hub");

    await typed(`rm combined-registry.yaml; ${byEnvironment}`);
    expect(await written("combined-registry.yaml")).toContain("htpasswd");

    await typed(
      `rm combined-registry.yaml; ${addsUser.replace("init", "init --hosted http://h --proxy http://p")}`,
    );
    expect(await written("htpasswd")).toMatch(/^alice:\$2/);
  }, 60_000);

  it("completion goes where the shells look for it", async () => {
    await mkdir(join(folder, ".zfunc"));
    await mkdir(join(folder, ".config/fish/completions"), { recursive: true });
    const [bash = "", ...others] = commands("docs/configuration.md", /combined-registry completion/);

    await expect(typed(`${bash}; complete -p combined-registry`)).resolves.toContain("combined-registry");
    for (const command of others) {
      await typed(command);
    }
    await expect(written(".zfunc/_combined-registry")).resolves.toContain("#compdef combined-registry");
    await expect(written(".config/fish/completions/combined-registry.fish")).resolves.toContain("complete");
  }, 60_000);
});

it.each(["README.md", "packages/cli/README.md"])(
  "%s: check and explain say how it is",
  async (page) => {
    await using cache = await startRegistry();
    await using hosted = await startRegistry();
    hosted.addImage("team/app", { tag: "1.2" });
    await writeFile(
      join(folder, "combined-registry.yaml"),
      `{ host: 127.0.0.1, hosted: "${hosted.url}", proxy: "${cache.url}" }\n`,
    );
    const [check = "", explain = "", ...others] = commands(page, /^npx combined-registry (?:check|explain)/);

    expect(others).toEqual([]);
    await expect(typed(check)).resolves.toContain("0 errors");
    await expect(typed(explain)).resolves.toMatch(/pull +from hosted/);
  },
  60_000,
);

it("examples/kubernetes/README.md: user and password are as registries want them", async () => {
  const [command = ""] = commands("examples/kubernetes/README.md", /^printf/);

  await expect(typed(command)).resolves.toBe(`${Buffer.from("USER:PASSWORD").toString("base64")}\n`);
});

describeE2E("examples/haproxy/README.md", ["haproxy"], () => {
  it("haproxy finds the configuration valid", async () => {
    await copyFile(join(checkout, "examples/haproxy/haproxy.cfg"), join(folder, "haproxy.cfg"));
    const [command = ""] = commands("examples/haproxy/README.md", /^haproxy -c/);

    await expect(typed(command)).resolves.toBeDefined();
  }, 30_000);
});
