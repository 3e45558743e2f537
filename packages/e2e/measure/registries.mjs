import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A port of the loopback that nobody has at the moment. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/**
 * A real docker-registry that can be stopped, killed and started again at the same address.
 * @param {string} folder
 * @param {string} name
 * @param {string} [remote] what it caches
 */
export async function dockerRegistry(folder, name, remote) {
  const port = await freePort();
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, name, "data") }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: "signs the state of upload sessions" },
    ...(remote !== undefined && { proxy: { remoteurl: remote } }),
  };
  await mkdir(join(folder, name), { recursive: true });
  const file = join(folder, name, "config.json");
  await writeFile(file, JSON.stringify(config));
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child;
  const registry = {
    origin: `http://127.0.0.1:${port}`,
    async start() {
      child = spawn("docker-registry", ["serve", file], { stdio: "ignore", env: { PATH: "/usr/bin:/bin" } });
      const { origin } = registry;
      await until(10_000, `${name} to answer`, async () => (await fetch(`${origin}/v2/`)).ok);
    },
    /** @param {NodeJS.Signals} signal */
    signal: (signal) => child?.kill(signal),
    async kill() {
      const gone = child;
      child = undefined;
      if (gone !== undefined && gone.exitCode === null) {
        gone.kill("SIGKILL");
        await once(gone, "exit");
      }
    },
  };
  await registry.start();
  return registry;
}

/**
 * A line to a server that can go dead: connections are taken, and nothing comes back.
 * @param {string} origin
 */
export async function gate(origin) {
  const { hostname, port } = new URL(origin);
  let dead = false;
  const open = new Set();
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => undefined).on("close", () => open.delete(client));
    if (dead) {
      return;
    }
    const upstream = connect(Number(port), hostname);
    upstream.on("error", () => client.destroy());
    client.pipe(upstream).pipe(client);
    client.on("close", () => upstream.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const cut = () => {
    for (const client of open) {
      client.destroy();
    }
  };
  return {
    origin: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    hang() {
      dead = true;
      cut();
    },
    heal() {
      dead = false;
      cut();
    },
    close() {
      cut();
      server.close();
    },
  };
}

/**
 * Waits until something holds, and fails with a sentence when it takes too long.
 * @param {number} milliseconds
 * @param {string} label
 * @param {() => Promise<boolean>} holds an error counts as no
 * @returns {Promise<number>} milliseconds that it took
 */
export async function until(milliseconds, label, holds) {
  const begun = performance.now();
  while (!(await holds().catch(() => false))) {
    if (performance.now() - begun > milliseconds) {
      throw new Error(`waited ${milliseconds} ms for ${label}`);
    }
    await sleep(20);
  }
  return performance.now() - begun;
}
