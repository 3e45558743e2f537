import { startRegistry } from "@combined-registry/testkit";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { digestOf, pushOf, signature } from "../support/signature.ts";
import { connect, startTwoWorkers } from "../support/two-workers.ts";

// What a process knows by itself, and several have to know together.

beforeAll(build, 120_000);
jest.setTimeout(60_000);

const alice = "alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n";
const basic = (credentials: string) => ({
  headers: { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
});

describe("passwords", () => {
  test("wrong ones at one worker slow down the sender at the other, and the log has them once", async () => {
    await using workers = await startTwoWorkers({
      config: { auth: { htpasswdFile: "htpasswd" } },
      files: { htpasswd: alice },
    });
    using one = await workers.connectionTo(1);
    using other = await workers.connectionTo(2);
    for (let number = 0; number < 10; number++) {
      expect((await one.get("/v2/", basic(`alice:guess-${number}`))).status).toBe(401);
    }
    // Asked of all workers over the lines by which findings go: what was found before has arrived.
    await one.get("/metrics");

    expect((await other.get("/v2/", basic("alice:one-more"))).status).toBe(429);
    expect(workers.program.soFar().filter(({ msg }) => msg === "wrong password")).toHaveLength(1);
  });
});

describe("loops", () => {
  test("are recognised by every worker, whichever began them", async () => {
    await using workers = await startTwoWorkers();
    await workers.configure({ proxy: workers.url, base: "any" });
    workers.program.signal("SIGHUP");
    await workers.program.logged("reloaded");

    using client = connect(workers.url);
    await client.get("/v2/team/app/manifests/1");

    const path = "/v2/team/app/manifests/1";
    // Two processes write to one log: which line comes first is left open.
    // The lines of failures have the path as well.
    const isRequest = (line: { path?: unknown; msg?: unknown }) =>
      line.path === path && line.msg === "request";
    await workers.program.loggedWith((line) => isRequest(line) && line.status !== 508, "the first answer");
    await workers.program.loggedWith(
      (line) => isRequest(line) && line.status === 508,
      "the second one's refusal",
    );
    const statuses = workers.program.soFar().flatMap((line) => (isRequest(line) ? [line.status] : []));
    expect(statuses.sort()).toEqual([502, 508]);
  });
});

describe("referrers at a registry without the API", () => {
  test("that both workers list at the same moment are all listed", async () => {
    await using workers = await startTwoWorkers();
    const hosted = await startRegistry({ referrers: false });
    try {
      await workers.configure({ hosted: hosted.url });
      workers.program.signal("SIGHUP");
      await workers.program.logged("reloaded");
      hosted.addBlob("team/app", "{}");
      const { digest: subject } = hosted.addImage("team/app", { tag: "1" });
      const signatures = Array.from({ length: 20 }, (_, number) => signature(subject, number));
      using one = await workers.connectionTo(1);
      using other = await workers.connectionTo(2);

      const push = async (connection: typeof one, wanted: number) => {
        for (const [number, body] of signatures.entries()) {
          if (number % 2 === wanted) {
            const { status, body: said } = await connection.get(...pushOf("team/app", body));
            expect([status, said]).toEqual([201, ""]);
          }
        }
      };
      await Promise.all([push(one, 0), push(other, 1)]);

      const { manifests } = JSON.parse((await one.get(`/v2/team/app/referrers/${subject}`)).body);
      expect(manifests.map(({ digest }: { digest: string }) => digest).sort()).toEqual(
        signatures.map(digestOf).sort(),
      );
    } finally {
      await hosted.close();
    }
  });
});

describe("a manifest that one worker deletes", () => {
  test("is forgotten by the other before the client that deleted it is answered", async () => {
    await using workers = await startTwoWorkers();
    const hosted = await startRegistry();
    try {
      await workers.configure({ hosted: hosted.url });
      workers.program.signal("SIGHUP");
      await workers.program.logged("reloaded");
      using one = await workers.connectionTo(1);
      using other = await workers.connectionTo(2);
      const { digest } = hosted.addImage("team/app", { tag: "1" });
      const path = `/v2/team/app/manifests/${digest}`;
      await other.get(path);
      const remembered = await other.get(path);

      const deleted = await one.get(path, { method: "DELETE" });
      const after = await other.get(path);

      expect(remembered.headers["x-combined-registry"]).toBe("hosted; cached");
      expect([remembered.status, deleted.status, after.status]).toEqual([200, 202, 404]);
    } finally {
      await hosted.close();
    }
  });
});
