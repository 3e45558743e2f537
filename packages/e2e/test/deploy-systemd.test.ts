import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { checkout } from "../src/checkout.ts";
import { codeBlock } from "../src/code-blocks.ts";
import { request } from "../src/http.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { drainTimeout, program, startRouter } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";

const example = join(checkout, "examples/systemd");
const resources = new Resources();
let unit: string;

beforeAll(async () => {
  unit = await readFile(join(example, "combined-registry.service"), "utf8");
});

afterAll(() => resources[Symbol.asyncDispose](), 30_000);

/** The values of a setting. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

describeE2E("the unit, by systemd's own judgement", ["systemd-analyze"], () => {
  let file: string;

  beforeAll(async () => {
    // The programs that it starts have to be there, and are elsewhere on other machines.
    const here = unit.replace(/^ExecStart=\S+ \S+/m, `ExecStart=${process.execPath} ${program}`);
    file = join(await resources.folder(), "combined-registry.service");
    await writeFile(file, here);
  });

  const analyze = (...args: string[]) => run("systemd-analyze", [...args, file], { PATH: searchPath });

  it("has no mistakes", async () => {
    expect(await analyze("verify", "--man=no")).toBe("");
  }, 30_000);

  it("is exposed as little as the README says", async () => {
    const page = await readFile(join(example, "README.md"), "utf8");
    const [, most = ""] = /exposure below (\d+) of 10/.exec(page) ?? [];
    // Ends with an error beyond the threshold, which is in tenths.
    await analyze("security", "--offline=true", `--threshold=${Number(most) * 10}`);
  }, 30_000);
});

describe("the unit and the program", () => {
  it("agree about the time to finish", async () => {
    expect(settings("TimeoutStopSec").map(Number)).toEqual([expect.any(Number)]);
    expect(Number(settings("TimeoutStopSec")[0])).toBeGreaterThan(await drainTimeout());
  }, 30_000);

  it("start with the README's configuration, with what systemd hands over, and reload by ExecReload", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    const folder = await resources.folder();
    const credentials = settings("LoadCredential").map((value) => value.split(":")[0] ?? "");
    const configuration = (await codeBlock(join(example, "README.md"), "yaml"))
      .replace("https://registry.internal", hosted.url)
      .replace("http://localhost:5001", proxy.url);
    const named = [...configuration.matchAll(/\$\{CREDENTIALS_DIRECTORY\}\/([\w-]+)/g)].map(
      ([, name]) => name,
    );
    expect(named.sort()).toEqual([...credentials].sort());
    await writeFile(join(folder, "hosted-password"), "secret\n");
    await writeFile(join(folder, "htpasswd"), "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    const file = join(folder, "combined-registry.yaml");
    await writeFile(file, `${configuration}reload: signal\n`);
    const args = settings("ExecStart")[0]?.split(" ").slice(2) ?? [];
    expect(args).toEqual(["--config", "/etc/combined-registry/combined-registry.yaml"]);

    const router = resources.use(
      await startRouter({
        args: ["--config", file, "--port", "0"],
        env: { CREDENTIALS_DIRECTORY: folder },
        folder,
      }),
    );
    expect((await request(router.origin, "GET", "/v2/")).status).toBe(401);
    expect((await request(router.origin, "GET", "/readyz")).status).toBe(200);

    await writeFile(file, `${configuration.replace(/^auth:.*\n/m, "")}reload: signal\n`);
    const reloaded = router.logs("reloaded");
    const [, command = "", signal = ""] =
      /^(\S+) -(\w+) \$MAINPID$/.exec(settings("ExecReload")[0] ?? "") ?? [];
    await run(command, [`-${signal}`, String(router.pid)], { PATH: searchPath });
    await reloaded;
    expect((await request(router.origin, "GET", "/v2/")).status).toBe(200);
  }, 60_000);
});
