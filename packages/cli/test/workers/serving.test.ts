import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { folderWith } from "../support/folder.ts";
import { startProgram } from "../support/program.ts";
import { runMain } from "../support/run-main.ts";
import {
  connect,
  gone,
  runs,
  startHalfway,
  startTwoWorkers,
  stopSuccessorOf,
  type TwoWorkers,
} from "../support/two-workers.ts";
import { within } from "../support/within.ts";

// Several processes behind one port, as people run them: built, and stopped by signals.

beforeAll(build, 120_000);
jest.setTimeout(60_000);

const blob = `/v2/team/app/blobs/sha256:${"a".repeat(64)}`;

/** A counter's value, all its labels together. */
function counted(page: string, name: string): number {
  const lines = page.match(new RegExp(`^${name}(\\{[^}]*\\})? \\S+$`, "gm")) ?? [];
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** Every count of a page, by name and labels. */
function counts(page: string): Map<string, number> {
  const counters = new Set(
    [...page.matchAll(/^# TYPE (\S+) (?:counter|histogram)$/gm)].map(([, name]) => name),
  );
  return new Map(
    [...page.matchAll(/^([a-z_]+?)(_bucket|_sum|_count)?(\{[^}]*\})? (\S+)$/gm)]
      .filter(([, name = "", suffix = ""]) => counters.has(name) || counters.has(name + suffix))
      .map(([line = "", , , , value]) => [line.slice(0, line.lastIndexOf(" ")), Number(value)]),
  );
}

async function page(url: string): Promise<string> {
  using connection = connect(url);
  return (await connection.get("/metrics")).body;
}

/** One slow transfer at each worker, of which half has come. */
async function underWay(workers: TwoWorkers) {
  const one = await (await workers.connectionTo(1)).begin(blob);
  const other = await (await workers.connectionTo(2)).begin(blob);
  await Promise.all([once(one, "readable"), once(other, "readable")]);
  return { one: text(one), other: text(other) };
}

describe("two workers", () => {
  test("share the port, and any of them tells the counts of both", async () => {
    await using workers = await startTwoWorkers();
    using one = await workers.connectionTo(1);
    using other = await workers.connectionTo(2);
    const before = counted(await page(workers.url), "combined_registry_http_requests_total");

    await Promise.all([
      one.get("/v2/"),
      other.get("/v2/"),
      one.get("/v2/"),
      other.get("/v2/"),
      other.get("/v2/"),
    ]);
    const pages = [(await one.get("/metrics")).body, (await other.get("/metrics")).body];

    // A page does not count itself, but the one before.
    expect(pages.map((body) => counted(body, "combined_registry_http_requests_total") - before)).toEqual([
      6, 7,
    ]);
    expect(pages[0]).toContain("combined_registry_workers 2\n");
    expect(pages[0]).toMatch(/^combined_registry_open_connections [23]$/m);
    expect(pages[0]).toMatch(/^combined_registry_build_info\{.*\} 1$/m);
    expect(pages[0]).toContain('combined_registry_upstream_up{upstream="hosted"} 1\n');
    expect(await workers.pidOf(1)).not.toBe(await workers.pidOf(2));
    expect([await workers.pidOf(1), await workers.pidOf(2)]).not.toContain(workers.program.pid);
  });

  test("finish what each has under way after SIGTERM, and the program ends with 0", async () => {
    const proxy = await startHalfway();
    await using workers = await startTwoWorkers({ proxy });
    const { one, other } = await underWay(workers);

    workers.program.signal("SIGTERM");
    await workers.program.logged("finishing requests in flight");
    proxy.goOn();

    expect(await within(Promise.all([one, other]), "both transfers")).toEqual(["halfdone", "halfdone"]);
    const { code, log, err } = await workers.program.ended();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(log.filter(({ msg }) => msg === "stopped")).toHaveLength(1);
  });

  test("take signals that reach the whole group of processes as the primary passes them on", async () => {
    const proxy = await startHalfway();
    await using workers = await startTwoWorkers({ proxy });
    const { one, other } = await underWay(workers);
    const pids = [await workers.pidOf(1), await workers.pidOf(2)];

    for (const pid of pids) {
      process.kill(pid, "SIGINT");
      process.kill(pid, "SIGTERM");
      process.kill(pid, "SIGHUP");
    }
    workers.program.signal("SIGINT");
    await workers.program.logged("finishing requests in flight");
    proxy.goOn();

    expect(await within(Promise.all([one, other]), "both transfers")).toEqual(["halfdone", "halfdone"]);
    expect((await workers.program.ended()).code).toBe(0);
  });

  test("are cut off after the time to drain, which is counted once and ends with 1", async () => {
    const proxy = await startHalfway();
    await using workers = await startTwoWorkers({ proxy, argv: ["--drain-timeout", "1"] });
    const { one, other } = await underWay(workers);
    const broken = Promise.allSettled([one, other]);

    workers.program.signal("SIGTERM");

    const { code, err } = await workers.program.ended();
    expect({ code, err }).toEqual({
      code: 1,
      err: "combined-registry: 2 requests were not finished within 1000 ms and were cut off\n",
    });
    expect((await broken).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("are gone with the program after a second signal", async () => {
    const proxy = await startHalfway();
    await using workers = await startTwoWorkers({ proxy });
    const { one, other } = await underWay(workers);
    const broken = Promise.allSettled([one, other]);
    const pids = [await workers.pidOf(1), await workers.pidOf(2)];

    workers.program.signal("SIGTERM");
    await workers.program.logged("finishing requests in flight");
    workers.program.signal("SIGTERM");

    expect((await workers.program.ended()).code).toBe(1);
    expect((await within(broken, "the transfers to break")).map(({ status }) => status)).toEqual([
      "rejected",
      "rejected",
    ]);
    await gone(pids);
  });
});

describe("a worker that is killed", () => {
  test("is replaced; the other one goes on, and no count goes back", async () => {
    const proxy = await startHalfway();
    await using workers = await startTwoWorkers({ proxy });
    using killed = await workers.connectionTo(1);
    await Promise.all([killed.get("/v2/"), killed.get("/v2/")]);
    const { one, other } = await underWay(workers);
    const broken = expect(one).rejects.toThrow();
    const pid = await workers.pidOf(1);
    const before = counts(await page(workers.url));

    process.kill(pid, "SIGKILL");
    const died = await workers.program.logged("a worker died");
    const straightAway = counts(await page(workers.url));
    await workers.program.logged("worker is ready", 2);
    const later = await page(workers.url);

    await broken;
    expect(died).toMatchObject({ worker: 1, pid, signal: "SIGKILL" });
    expect(await workers.pidOf(1)).not.toBe(pid);
    for (const after of [straightAway, counts(later)]) {
      expect([...before].filter(([name, count]) => !((after.get(name) ?? -1) >= count))).toEqual([]);
    }
    expect(before.size).toBeGreaterThan(20);
    expect(later).toContain("combined_registry_worker_deaths_total 1\n");
    expect(later).toContain("combined_registry_workers 2\n");
    proxy.goOn();
    expect(await within(other, "the other worker's transfer")).toBe("halfdone");
    using back = await workers.connectionTo(1);
    expect((await back.get("/v2/")).status).toBe(200);
  });

  test("costs only its own connections, under load", async () => {
    await using workers = await startTwoWorkers();
    const steady = await Promise.all(Array.from({ length: 4 }, () => workers.connectionTo(2)));
    const statuses: (number | undefined)[] = [];
    let loading = true;
    const load = Promise.all(
      steady.map(async (connection) => {
        while (loading) {
          statuses.push((await connection.get("/v2/")).status);
        }
      }),
    );

    process.kill(await workers.pidOf(1), "SIGKILL");
    await workers.program.logged("worker is ready", 2);
    loading = false;
    await load;

    expect(statuses.length).toBeGreaterThan(10);
    expect(new Set(statuses)).toEqual(new Set([200]));
    for (const connection of steady) {
      connection[Symbol.dispose]();
    }
  });

  test("hanging instead does not hang the metrics: its last counts are told", async () => {
    await using workers = await startTwoWorkers();
    using asking = await workers.connectionTo(2);
    using hanging = await workers.connectionTo(1);
    await hanging.get("/v2/");
    const before = counts((await asking.get("/metrics")).body);
    const pid = await workers.pidOf(1);

    process.kill(pid, "SIGSTOP");
    try {
      const { body } = await asking.get("/metrics");
      expect(body).toContain("combined_registry_workers_late 1\n");
      expect([...before].filter(([name, count]) => !((counts(body).get(name) ?? -1) >= count))).toEqual([]);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });
});

describe("a worker that never comes to listen", () => {
  test("as it dies each time holds up neither the others, nor a reload, nor the end", async () => {
    const script = `import cluster from "node:cluster";
      import { openSync } from "node:fs";
      const alone = () => { try { return openSync("alone", "wx") > 0; } catch { return false; } };
      if (cluster.isWorker && !alone()) { process.exit(3); }
      export default {
        host: "127.0.0.1", port: 0, workers: 2, reload: "signal",
        hosted: "http://127.0.0.1:1", proxy: "http://127.0.0.1:1", authorize: () => "allow",
      };`;
    await using folder = await folderWith({ "combined-registry.mjs": script });
    await using program = startProgram([], { folder: folder.path });

    await program.logged("a worker died", 1);
    const { status } = await fetch(`${await program.url()}/livez`);
    program.signal("SIGHUP");
    await program.loggedWith(({ reason }) => reason === "SIGHUP", "what came of the reload");
    program.signal("SIGTERM");

    const { code, err } = await program.ended();
    expect({ status, code, err }).toEqual({ status: 200, code: 0, err: "" });
  });

  test("as it stands still before it is heard of does not hold up the end", async () => {
    await using workers = await startTwoWorkers();
    const pid = await stopSuccessorOf(workers, 1);

    workers.program.signal("SIGTERM");

    expect((await workers.program.ended()).code).toBe(0);
    await gone([pid]);
  });

  test("as it stands still before it is heard of is ended by a reload", async () => {
    await using workers = await startTwoWorkers();
    const pid = await stopSuccessorOf(workers, 1);

    workers.program.signal("SIGHUP");

    await workers.program.loggedWith(({ msg }) => msg.startsWith("reloaded"), "the reload", 20_000);
    await gone([pid]);
    await workers.program.logged("worker is ready", 2);
  });
});

describe("a start", () => {
  test("is given up at SIGTERM, whoever has begun to listen", async () => {
    await using folder = await folderWith({
      "combined-registry.json": JSON.stringify({
        host: "127.0.0.1",
        port: 0,
        workers: 4,
        hosted: "http://127.0.0.1:1",
        proxy: "http://127.0.0.1:1",
      }),
    });
    await using program = startProgram([], { folder: folder.path });
    await program.logged("worker is ready");

    program.signal("SIGTERM");

    const { code, err } = await program.ended();
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });
});

describe("the primary being killed", () => {
  test("leaves no workers behind: they give up the port, finish what is under way, and end", async () => {
    const proxy = await startHalfway();
    await using workers = await startTwoWorkers({ proxy });
    const { one, other } = await underWay(workers);
    const pids = [await workers.pidOf(1), await workers.pidOf(2)];

    workers.program.signal("SIGKILL");
    await within(
      (async () => {
        for (;;) {
          const server = createServer().listen(Number(new URL(workers.url).port), "127.0.0.1");
          const [error] = await Promise.race([once(server, "listening"), once(server, "error")]).catch(
            (e) => [e],
          );
          server.close();
          if (error === undefined) {
            return;
          }
        }
      })(),
      "the port",
    );
    expect(await Promise.all(pids.map(runs))).toEqual([true, true]);
    proxy.goOn();

    expect(await within(Promise.all([one, other]), "both transfers")).toEqual(["halfdone", "halfdone"]);
    await workers.program.ended();
    await gone(pids);
  });
});

describe("a start that fails", () => {
  const upstreams = [
    "--hosted",
    "http://127.0.0.1:1",
    "--proxy",
    "http://127.0.0.1:1",
    "--host",
    "127.0.0.1",
  ];

  test("because the port is taken says so once, and ends with 1", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    try {
      const ended = async (...more: string[]) => {
        await using program = startProgram([...upstreams, "--port", `${port}`, ...more]);
        const { code, err, log } = await program.ended();
        return { code, err, log };
      };

      const several = await ended("--workers", "3");

      expect(several).toEqual(await ended());
      expect(several.code).toBe(1);
    } finally {
      server.close();
    }
  });

  test("because the configuration is wrong says what it says without workers", async () => {
    const runWith = async (...more: string[]) => runMain([...upstreams, "--port", "99999", ...more]);

    expect(await runWith("--workers", "3")).toEqual(await runWith());
  });

  test.each([["0"], ["-1"], ["1.5"], ["257"], ["many"], [""]])("as --workers is %j", async (given) => {
    expect(await runMain([...upstreams, `--workers=${given}`])).toEqual({
      code: 2,
      out: "",
      err: `combined-registry: option --workers: expected a whole number from 1 to 256, or auto, given ${JSON.stringify(given)}\n`,
    });
  });

  test("as the demo takes no workers", async () => {
    expect((await runMain(["--demo", "--workers", "2"])).code).toBe(2);
  });

  test("because no worker lives long enough gives up", async () => {
    const script = `import cluster from "node:cluster";
      if (cluster.isWorker) { process.exit(3); }
      export default { hosted: "http://127.0.0.1:1", proxy: "http://127.0.0.1:1", authorize: () => "allow" };`;
    await using folder = await folderWith({ "combined-registry.mjs": script });
    await using program = startProgram(["--port", "0", "--workers", "2"], { folder: folder.path });

    const { code, err } = await program.ended();

    expect({ code, err }).toEqual({
      code: 1,
      err: "combined-registry: workers end before they listen (code 3)\n",
    });
  });
});
