import cluster from "node:cluster";
import { once } from "node:events";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, expect, jest, test } from "@jest/globals";
import { loadFiles } from "../../src/lifecycle/loaded-config.ts";
import { createLog } from "../../src/logging.ts";
import { serializeConfig } from "../../src/workers/config-message.ts";
import { WorkerPool } from "../../src/workers/pool.ts";
import { load } from "../support/load.ts";
import { within } from "../support/within.ts";

afterEach(() => {
  jest.restoreAllMocks();
});

/** Workers that do what they are told and nothing else, and what the log says. */
async function setUp(count: number) {
  const config = await load({
    argv: ["--hosted", "http://127.0.0.1:1", "--proxy", "http://127.0.0.1:2"],
    folder: "/",
  });
  const message = serializeConfig(await loadFiles(config, async () => undefined), "test");
  const said: string[] = [];
  const lines = new Writable({
    write(chunk, _, done) {
      said.push(JSON.parse(String(chunk)).msg);
      done();
      lines.emit("said");
    },
  });
  const pool = new WorkerPool(count, message, createLog("info", lines));
  cluster.setupPrimary({
    exec: fileURLToPath(new URL("../fixtures/obedient-worker.mjs", import.meta.url)),
  });
  return {
    crew: pool,
    said,
    async ready(times: number) {
      while (said.filter((one) => one === "worker is ready").length < times) {
        await within(once(lines, "said"), "the log to say more");
      }
    },
    async [Symbol.asyncDispose]() {
      await pool.finish({ delay: 0, timeout: 0 });
    },
  };
}

function noMemory(): never {
  throw new Error("spawn ENOMEM");
}

test("a worker that the system cannot begin is tried again, and the primary goes on", async () => {
  await using one = await setUp(1);
  await within(one.crew.start(), "the worker");
  const [worker] = Object.values(cluster.workers ?? {});
  jest.spyOn(cluster, "fork").mockImplementationOnce(noMemory);

  worker?.process.kill("SIGKILL");
  await one.ready(2);

  expect(one.said).toEqual([
    "worker is ready",
    "a worker died and is replaced",
    "worker could not be started: spawn ENOMEM",
    "worker is ready",
  ]);
});

test("a worker that the system cannot begin at the start is tried again, and is none that the others wait for", async () => {
  await using two = await setUp(2);
  jest.spyOn(cluster, "fork").mockImplementationOnce(noMemory);

  await within(two.crew.start(), "a worker");
  await two.ready(2);

  expect(two.said).toEqual([
    "worker could not be started: spawn ENOMEM",
    "worker is ready",
    "worker is ready",
  ]);
});

test("workers that the system cannot begin before any has listened end the program as those that die do", async () => {
  await using two = await setUp(2);
  const fork = jest.spyOn(cluster, "fork").mockImplementation(noMemory);

  await expect(within(two.crew.start(), "a refusal")).rejects.toMatchObject({
    exitCode: 1,
    message: "workers end before they listen (spawn ENOMEM)",
  });
  expect(fork).toHaveBeenCalledTimes(5);
});
