import type { Logger } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { closedPort, startRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";
import { until } from "../support/within.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function keptLines(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } });
  return {
    lines,
    logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  };
}

const digest = `sha256:${"a".repeat(64)}`;
const ociError = (code: string, message: string) => ({
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ errors: [{ code, message, detail: null }] }),
});

describe("a refusal by hosted of a delete is passed on in its words", () => {
  const targets = [
    "/v2/team/app/manifests/1.0",
    `/v2/team/app/manifests/${digest}`,
    `/v2/team/app/blobs/${digest}`,
  ];
  const refusals: [status: number, code: string, message: string][] = [
    [400, "UNSUPPORTED", "a tag cannot be deleted: name the digest"],
    [403, "DENIED", "retention: tags that match v* are immutable"],
    [404, "MANIFEST_UNKNOWN", "no such manifest, or a deleted one"],
    [405, "UNSUPPORTED", "deletes are off"],
    [409, "DENIED", "the manifest is used by an index"],
    [412, "DENIED", "the artifact is immutable"],
    [451, "DENIED", "under legal hold"],
  ];
  const users = [
    { auth: undefined },
    { auth: { username: "router", password: "secret" } },
    { auth: "passthrough" },
  ] as const;

  it.each(
    refusals.flatMap((refusal) =>
      users.flatMap(({ auth }) => targets.map((target) => [...refusal, auth, target] as const)),
    ),
  )("%i %s: %s (auth: %j, %s)", async (status, code, message, auth, target) => {
    await using sides = await startSides({ hosted: auth === undefined ? {} : { auth } });
    const said = ociError(code, message);
    sides.hosted.fault({ method: "DELETE", status, ...said });

    const answer = await fetchRaw(sides.router.url, target, { method: "DELETE" });

    expect([answer.status, answer.body.toString()]).toEqual([status, said.body]);
    expect(answer.headers["x-combined-registry"]).toMatch(/^hosted; /);
    expect(sides.proxy.requests).toEqual([]);
  });

  it.each([401, 500, 503])("but %i is a failure, which names hosted", async (status) => {
    await using sides = await startSides({ hosted: { auth: { username: "router", password: "secret" } } });
    sides.hosted.fault({ method: "DELETE", status, ...ociError("UNKNOWN", "out of order") });

    const answer = await fetchRaw(sides.router.url, targets[2] ?? "", { method: "DELETE" });

    expect(answer.status).toBe(502);
    expect(answer.body.toString()).toContain("hosted failed");
  });
});

describe("an expected outage logs a line, not a stack", () => {
  const stack = / at .*:\d+:\d+/;

  it.each(["/v2/", "/v2/app/manifests/1", `/v2/app/blobs/${digest}`, "/v2/app/tags/list", "/v2/_catalog"])(
    "when no upstream can be reached: %s",
    async (target) => {
      const { lines, logger } = keptLines();
      const url = `http://127.0.0.1:${await closedPort()}`;
      await using router = await startRouter({ hosted: url, proxy: url, logger });

      const { status } = await fetchRaw(router.url, target);
      await until(5_000, "the line", () => lines.some(({ message }) => message === "request failed"));

      expect(status).toBeGreaterThanOrEqual(502);
      const line = lines.find(({ message }) => message === "request failed");
      expect(line).toMatchObject({
        level: "warn",
        fields: { path: target, cause: expect.stringContaining("connection refused") },
      });
      expect(line?.fields).not.toHaveProperty("err");
      expect(JSON.stringify(lines)).not.toMatch(stack);
    },
  );

  it("when an upstream breaks off in the middle of a blob", async () => {
    const { lines, logger } = keptLines();
    await using sides = await startSides({ router: { logger } });
    const blob = sides.hosted.addBlob("app", "x".repeat(100_000));
    // The newer fault comes first.
    sides.hosted.fault({ path: /blobs/, status: 503 });
    sides.hosted.fault({ path: /blobs/, cutAt: 50_000, times: 1 });

    const answer = await fetchRaw(sides.router.url, `/v2/app/blobs/${blob.digest}`);
    await until(5_000, "the line", () => lines.some(({ message }) => message === "request failed"));

    expect(answer.complete).toBe(false);
    const line = lines.find(({ message }) => message === "request failed");
    expect([line?.level, typeof line?.fields.cause]).toEqual(["warn", "string"]);
    expect(line?.fields.cause).not.toContain("\n");
    expect(line?.fields).not.toHaveProperty("err");
  });

  it("but a bug keeps its stack", async () => {
    const { lines, logger } = keptLines();
    await using sides = await startSides({
      router: {
        logger,
        authorize: () => {
          throw new TypeError("a bug in the hook");
        },
      },
    });

    expect((await fetchRaw(sides.router.url, "/v2/app/manifests/1")).status).toBe(500);
    await until(5_000, "the line", () => lines.some(({ level }) => level === "error"));

    const err = lines.find(({ level }) => level === "error")?.fields.err;
    expect(err).toBeInstanceOf(Error);
  });
});

describe("why a request was not authorized", () => {
  it.each([
    ["challenge", "no user and password were sent", 401],
    ["deny", "alice only pulls", 403],
  ] as const)("is in the access log and in X-Combined-Registry: %s", async (decision, message, status) => {
    const { lines, logger } = keptLines();
    await using sides = await startSides({
      router: { logger, authorize: () => ({ decision, message }) },
    });

    const answer = await fetchRaw(sides.router.url, "/v2/app/manifests/1");
    await until(5_000, "the line", () => lines.length > 0);

    expect([answer.status, answer.headers["x-combined-registry"]]).toEqual([status, `router; ${message}`]);
    expect(lines[0]?.fields).toMatchObject({ status, reason: message });
  });

  it("is the code if the hook gives no sentence, or an empty one", async () => {
    for (const result of ["deny", { decision: "deny", message: "" }] as const) {
      await using sides = await startSides({ router: { authorize: () => result } });

      const answer = await fetchRaw(sides.router.url, "/v2/app/manifests/1");

      expect(answer.headers["x-combined-registry"]).toBe("router; DENIED");
    }
  });
});
