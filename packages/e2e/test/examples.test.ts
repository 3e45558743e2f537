import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startRegistry } from "@combined-registry/testkit";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const running: ChildProcess[] = [];

beforeAll(() => {
  const build = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-b", "packages/core"], {
    cwd: root,
    encoding: "utf8",
  });
  if (build.status !== 0) {
    throw new Error(build.stdout);
  }
}, 120_000);

afterEach(() => {
  for (const child of running.splice(0)) {
    child.kill("SIGKILL");
  }
});

/** Runs an example's server on a free port. */
async function startExample(
  name: string,
  environment: Record<string, string>,
): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ["server.mjs"], {
    cwd: `${root}examples/${name}`,
    env: { ...process.env, ...environment, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  const [line] = await once(child.stdout, "data", { signal: AbortSignal.timeout(20_000) });
  const port = /port (\d+)/.exec(String(line))?.[1];
  return { url: `http://127.0.0.1:${port}`, child };
}

describe.each(["node-http", "express"])("examples/%s", (name) => {
  it("serves images from both sides, leaves the application its routes, and stops when told", async () => {
    await using cache = await startRegistry();
    await using hosted = await startRegistry();
    cache.addImage("library/hello", { tag: "1.0" });
    hosted.addImage("team/app", { tag: "1.0" });
    const { url, child } = await startExample(name, { HOSTED: hosted.url, PROXY: cache.url });

    const answers = await Promise.all(
      ["library/hello", "team/app"].map(async (repository) => fetch(`${url}/v2/${repository}/manifests/1.0`)),
    );
    const pushed = await fetch(`${url}/v2/team/app/blobs/uploads/`, { method: "POST" });
    const own = await (await fetch(`${url}/${name === "express" ? "healthcheck" : ""}`)).text();
    child.kill("SIGTERM");
    const [code] = await once(child, "exit", { signal: AbortSignal.timeout(20_000) });

    expect(answers.map(({ headers }) => headers.get("x-combined-registry"))).toEqual([
      "proxy; found",
      "hosted; found; proxy absent",
    ]);
    expect(pushed.status).toBe(202);
    expect(own).toContain(name === "express" ? '"application":"fine"' : "Hello from the application");
    expect(code).toBe(0);
  });
});
