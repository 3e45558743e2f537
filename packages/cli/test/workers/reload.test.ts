import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { connect as connectTls } from "node:tls";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { fixture } from "../support/fixture.ts";
import { folderWith } from "../support/folder.ts";
import { type LogLine, startProgram } from "../support/program.ts";
import { configFile, startTwoWorkers } from "../support/two-workers.ts";
import { startUpstream } from "../support/upstream.ts";
import { within } from "../support/within.ts";

beforeAll(build, 120_000);
jest.setTimeout(60_000);

const blob = `/v2/library/hello/blobs/sha256:${"0".repeat(64)}`;
const answering = (body: string) => startUpstream((_, response) => response.end(body));

describe("a reload", () => {
  test("holds for all workers once the log says so, on connections that stand as well", async () => {
    await using other = await answering("new");
    await using workers = await startTwoWorkers({ proxy: await answering("old") });
    using one = await workers.connectionTo(1);
    using two = await workers.connectionTo(2);
    const both = async () => [(await one.get(blob)).body, (await two.get(blob)).body];
    expect(await both()).toEqual(["old", "old"]);
    await workers.configure({ proxy: other.url });

    workers.program.signal("SIGHUP");
    const reloaded = await workers.program.logged("reloaded");

    expect(await both()).toEqual(["new", "new"]);
    expect(reloaded).toMatchObject({ reason: "SIGHUP", changed: ["proxy"] });
    expect(workers.program.soFar().filter(({ msg }) => msg.startsWith("reloaded"))).toHaveLength(1);
  });

  test("that is refused leaves all workers as they were, and so is one that comes in place of another", async () => {
    await using other = await answering("new");
    await using workers = await startTwoWorkers({ proxy: await answering("old") });
    await workers.configure({ proxy: other.url, base: "nobody" });

    workers.program.signal("SIGHUP");
    await workers.program.logged("reload refused");
    process.kill(await workers.pidOf(1), "SIGKILL");
    await workers.program.logged("worker is ready", 2);

    using one = await workers.connectionTo(1);
    using two = await workers.connectionTo(2);
    expect([(await one.get(blob)).body, (await two.get(blob)).body]).toEqual(["old", "old"]);
  });

  test("that one worker does not follow, as it hangs, ends that worker, and its successor follows", async () => {
    await using other = await answering("new");
    await using workers = await startTwoWorkers({ proxy: await answering("old") });
    await workers.configure({ proxy: other.url });
    process.kill(await workers.pidOf(1), "SIGSTOP");

    workers.program.signal("SIGHUP");
    const givenUp = ({ msg }: LogLine) => msg.includes("did not apply a reload");
    await workers.program.loggedWith(givenUp, "the worker to be given up", 20_000);
    await workers.program.logged("reloaded");
    await workers.program.logged("worker is ready", 2);

    using one = await workers.connectionTo(1);
    using two = await workers.connectionTo(2);
    expect([(await one.get(blob)).body, (await two.get(blob)).body]).toEqual(["new", "new"]);
  });

  test("of another number of workers takes a restart, and the log says so", async () => {
    await using workers = await startTwoWorkers();
    await workers.configure({ workers: 3 });

    workers.program.signal("SIGHUP");

    expect(await workers.program.logged("restart to apply")).toMatchObject({ option: "workers" });
  });

  test("of a file is noticed by the primary alone", async () => {
    await using workers = await startTwoWorkers({ config: { reload: "watch" } });

    await workers.configure({ reload: "watch", decisionHeader: false });
    await workers.program.logged("reloaded");

    using one = await workers.connectionTo(1);
    using two = await workers.connectionTo(2);
    const headers = await Promise.all([one.get("/v2/"), two.get("/v2/")]);
    expect(headers.map(({ headers: all }) => all["x-combined-registry"])).toEqual([undefined, undefined]);
    expect(workers.program.soFar().filter(({ reason }) => String(reason).startsWith("changed"))).toHaveLength(
      1,
    );
  });
});

describe("HTTPS", () => {
  test("is served by all workers, and another certificate by all of them after a reload", async () => {
    const files = {
      "cert.pem": await readFile(fixture("test-only.cert.pem"), "utf8"),
      "key.pem": await readFile(fixture("test-only.key.pem"), "utf8"),
    };
    const tls = { certFile: "cert.pem", keyFile: "key.pem" };
    await using hosted = await startUpstream();
    const config = { host: "127.0.0.1", port: 0, workers: 2, hosted: hosted.url, proxy: hosted.url, tls };
    await using folder = await folderWith({ ...files, [configFile]: JSON.stringify(config) });
    await using program = startProgram([], { folder: folder.path });
    const { port } = new URL(await program.url());
    const certificates = async () => {
      const shown = new Set<string>();
      for (let number = 0; number < 40; number++) {
        const socket = connectTls({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false });
        await within(once(socket, "secureConnect"), "a handshake");
        shown.add(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      }
      return [...shown];
    };
    const before = await certificates();

    await copyFile(fixture("test-only-second.cert.pem"), folder.file("cert.pem"));
    await copyFile(fixture("test-only-second.key.pem"), folder.file("key.pem"));
    program.signal("SIGHUP");
    await program.logged("reloaded");

    const after = await certificates();
    expect([before.length, after.length]).toEqual([1, 1]);
    expect(after).not.toEqual(before);
  });
});

describe("a configuration that is a script", () => {
  const script = (decision: string) => `export default {
    host: "127.0.0.1", port: 0, workers: 2, reload: "signal",
    hosted: process.env.UPSTREAM, proxy: process.env.UPSTREAM,
    authorize: () => "${decision}",
  };`;

  test("has its hook in every worker, and another one after a reload", async () => {
    await using hosted = await startUpstream();
    await using folder = await folderWith({ "combined-registry.mjs": script("deny") });
    await using program = startProgram([], { folder: folder.path, environment: { UPSTREAM: hosted.url } });
    const url = await program.url();
    const statuses = async () =>
      new Set(await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${url}/v2/`)).status)));
    expect(await statuses()).toEqual(new Set([403]));

    await writeFile(folder.file("combined-registry.mjs"), script("allow"));
    program.signal("SIGHUP");
    await program.logged("reloaded");

    expect(await statuses()).toEqual(new Set([200]));
  });
});
