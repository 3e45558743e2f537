import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../cli/bin/combined-registry.js", import.meta.url));

/**
 * Starts the built program on a free port of 127.0.0.1.
 * @param {object} config what its configuration file says besides host and port
 * @param {Readonly<Record<string, string>>} [files] by name; the configuration may name them
 * @returns {Promise<{ port: number, pid: number, file: string, stop: () => Promise<void> }>} `file` is the configuration's
 */
export async function startRouter(config, files = {}) {
  const folder = await mkdtemp(join(tmpdir(), "combined-registry-measure-"));
  const all = { ...files, "router.json": JSON.stringify({ host: "127.0.0.1", port: 0, ...config }) };
  for (const [name, content] of Object.entries(all)) {
    await writeFile(join(folder, name), content);
  }
  const child = spawn(process.execPath, [program, "--config", join(folder, "router.json")], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error("waited 15 s for the router to listen"));
    }, 15_000);
  });
  const port = await Promise.race([
    portIn(child.stdout),
    ended.then(() => {
      throw new Error("the router ended; is it built (tsc -b)?");
    }),
    late,
  ]).finally(() => clearTimeout(timer));
  return {
    port,
    pid: child.pid ?? 0,
    file: join(folder, "router.json"),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/**
 * Where it listens, from its log (of level "info"); the log is read on, or the pipe would fill.
 * @param {import("node:stream").Readable} log
 * @returns {Promise<number>}
 */
function portIn(log) {
  return new Promise((resolve) => {
    createInterface(log).on("line", (line) => {
      const port = /"listening on https?:\/\/[^"]*:(\d+)"/.exec(line)?.[1];
      if (port !== undefined) {
        resolve(Number(port));
      }
    });
  });
}
