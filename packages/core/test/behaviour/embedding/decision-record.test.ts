import type { DecisionRecord, Logger } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

function keptLines(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields });
  return {
    lines,
    logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  };
}

it("onDecision gets one record for each response, with the fields of the log line", async () => {
  const records: DecisionRecord[] = [];
  const { lines, logger } = keptLines();
  await using sides = await startSides({
    router: {
      authorize: () => ({ decision: "allow", user: "alice" }),
      onDecision: (record) => records.push(record),
      logger,
    },
  });
  sides.hosted.addImage("team/app", { tag: "1.0" });
  const body = sides.hosted.manifest("team/app", "1.0");

  await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0?ns=secret", {
    headers: { "User-Agent": "docker/28", Authorization: "Basic c2VjcmV0OnNlY3JldA==" },
  });
  await until(5_000, "the record", () => records.length > 0);

  expect(records).toEqual([
    {
      method: "GET",
      path: "/v2/team/app/manifests/1.0",
      route: "manifest",
      repository: "team/app",
      status: 200,
      complete: true,
      upstream: "hosted",
      reason: expect.any(String),
      durationMs: expect.any(Number),
      bytesToClient: body?.length,
      bytesFromClient: 0,
      client: "127.0.0.1",
      user: "alice",
      userAgent: "docker/28",
    },
  ]);
  expect(lines.filter(({ message }) => message === "request").map(({ fields }) => fields)).toEqual(records);
  expect(JSON.stringify([lines, records])).not.toMatch(/secret|c2VjcmV0/);
});

it.each<readonly [string, () => void]>([
  [
    "throws",
    () => {
      throw new Error("hook broke");
    },
  ],
  ["rejects", () => Promise.reject(new Error("hook broke"))],
])("an onDecision hook that %s does not affect requests, and is logged", async (_how, onDecision) => {
  const { lines, logger } = keptLines();
  await using sides = await startSides({ router: { onDecision, logger } });
  sides.hosted.addImage("team/app", { tag: "1.0" });

  for (let request = 0; request < 2; request++) {
    expect((await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0")).status).toBe(200);
  }

  const failures = () => lines.filter(({ message }) => message === "onDecision failed");
  await until(5_000, "both failures in the log", () => failures().length === 2);
  expect(failures()[0]).toMatchObject({ level: "error", fields: { err: new Error("hook broke") } });
});

it("a logger that throws does not keep records from the hook", async () => {
  const records: DecisionRecord[] = [];
  const broken = () => {
    throw new Error("disk full");
  };
  await using hosted = await startRegistry();
  await using router = await startRouter({
    hosted: hosted.url,
    proxy: hosted.url,
    logger: { debug: broken, info: broken, warn: broken, error: broken },
    onDecision: (record) => records.push(record),
  });

  await fetchRaw(router.url, "/v2/");
  await until(5_000, "the record", () => records.length === 1);

  expect(records[0]).toMatchObject({ route: "base", status: 200, complete: true });
});
