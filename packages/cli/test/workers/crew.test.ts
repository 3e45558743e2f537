import cluster from "node:cluster";
import { once } from "node:events";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, expect, jest, test } from "@jest/globals";
import { prepare } from "../../src/lifecycle/prepared.ts";
import { createLog } from "../../src/logging.ts";
import { Crew } from "../../src/workers/crew.ts";
import { packParcel } from "../../src/workers/parcel.ts";
import { load } from "../support/load.ts";
import { within } from "../support/within.ts";

afterEach(() => {
  jest.restoreAllMocks();
});

test("a worker that the system cannot begin is tried again, and the primary goes on", async () => {
  const config = await load({
    argv: ["--hosted", "http://127.0.0.1:1", "--proxy", "http://127.0.0.1:2"],
    folder: "/",
  });
  const parcel = packParcel(await prepare(config, async () => undefined), "test");
  const said: string[] = [];
  const lines = new Writable({
    write(chunk, _, done) {
      said.push(JSON.parse(String(chunk)).msg);
      done();
      lines.emit("said");
    },
  });
  const crew = new Crew(1, parcel, createLog("info", lines));
  try {
    cluster.setupPrimary({
      exec: fileURLToPath(new URL("../fixtures/obedient-worker.mjs", import.meta.url)),
    });
    await within(crew.start(), "the worker");
    const [worker] = Object.values(cluster.workers ?? {});
    jest.spyOn(cluster, "fork").mockImplementationOnce(() => {
      throw new Error("spawn ENOMEM");
    });

    worker?.process.kill("SIGKILL");
    while (said.filter((one) => one === "worker is ready").length < 2) {
      await within(once(lines, "said"), "the log to say more");
    }

    expect(said).toEqual([
      "worker is ready",
      "a worker died, another one takes its place",
      "worker cannot be begun: spawn ENOMEM",
      "worker is ready",
    ]);
  } finally {
    await crew.finish({ delay: 0, timeout: 0 });
  }
});
