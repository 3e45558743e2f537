import type { IncomingMessage, ServerResponse } from "node:http";
import type { CombinedRegistryHandler, DecisionRecord, Logger } from "@combined-registry/core";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { until } from "../../support/within.ts";

// Frameworks answer by themselves when a middleware returns without having said that the answer is not theirs.
type Around = (
  handler: CombinedRegistryHandler,
) => (request: IncomingMessage, response: ServerResponse) => void;

interface Meddled extends AsyncDisposable {
  readonly url: string;
  readonly hosted: TestRegistry;
  readonly records: DecisionRecord[];
  readonly errors: { readonly message: string; readonly err: Error; readonly sent?: number }[];
  readonly metrics: () => Promise<string>;
}

async function startMeddled(around: Around): Promise<Meddled> {
  const hosted = await startRegistry();
  const records: DecisionRecord[] = [];
  const errors: Meddled["errors"][number][] = [];
  const ignore = () => undefined;
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields, message) => errors.push({ err: new Error("none"), ...fields, message }),
  };
  const router = await startRouter(
    { hosted: hosted.url, proxy: hosted.url, logger, onDecision: (record) => records.push(record) },
    around,
  );
  return {
    url: router.url,
    hosted,
    records,
    errors,
    metrics: () => router.handler.metrics.metrics(),
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await hosted.close();
    },
  };
}

const answersAtOnce: Around = (handler) => (request, response) => {
  void handler(request, response);
  response.writeHead(200).end();
};

it.each([
  ["HEAD", "/v2/team/app/manifests/1.0"],
  ["GET", "/v2/team/app/manifests/1.0"],
  ["PUT", "/v2/team/app/manifests/1.0"],
  ["POST", "/v2/team/app/blobs/uploads/"],
])("a %s answered by other code is logged as an error and recorded as failed", async (method, path) => {
  await using meddled = await startMeddled(answersAtOnce);
  const body = method === "PUT" ? { body: "{}" } : {};

  const answer = await fetchRaw(meddled.url, path, { method, ...body });
  await until(5_000, "the record", () => meddled.records.length > 0);

  expect(answer.status).toBe(200);
  expect(meddled.records).toEqual([
    expect.objectContaining({
      method,
      status: 500,
      complete: false,
      upstream: "router",
      reason: "answered by another part of the application",
    }),
  ]);
  expect(meddled.errors).toEqual([
    expect.objectContaining({
      message: "request answered by another part of the application",
      sent: 200,
      err: expect.objectContaining({ message: expect.stringContaining("wait for the handler's promise") }),
    }),
  ]);
  expect(await meddled.metrics()).not.toMatch(/http_requests_total\{[^}]*status="200"/);
});

it("the upstream request is aborted when other code answers the client", async () => {
  await using meddled = await startMeddled(answersAtOnce);
  meddled.hosted.fault({ path: /manifests/, hang: true });

  await fetchRaw(meddled.url, "/v2/team/app/manifests/1.0");
  await until(5_000, "the record", () => meddled.records.length > 0);

  await until(5_000, "no request at hosted", () => meddled.hosted.openResponses === 0);
});

it("a body that other code ends early reaches the client incomplete, and the process survives", async () => {
  await using meddled = await startMeddled((handler) => (request, response) => {
    response.once("drain", () => response.end());
    void handler(request, response);
  });
  const layer = meddled.hosted.addGeneratedBlob("team/app", { size: 40_000_000, seed: 1 });

  const pulled = await fetchRaw(meddled.url, `/v2/team/app/blobs/${layer.digest}`);

  expect(pulled).toMatchObject({ status: 200, complete: false });
  await until(5_000, "the record", () => meddled.records.length > 0);
  expect(meddled.records[0]).toMatchObject({ status: 500, complete: false });
  expect(meddled.errors[0]).toMatchObject({ message: "request answered by another part of the application" });
});

it("a response begun by other code is broken off", async () => {
  await using meddled = await startMeddled((handler) => (request, response) => {
    response.writeHead(200).flushHeaders();
    void handler(request, response);
  });

  const listed = await fetchRaw(meddled.url, "/v2/team/app/tags/list");

  expect(listed).toMatchObject({ status: 200, complete: false });
  await until(5_000, "the record", () => meddled.records.length > 0);
  expect(meddled.errors[0]).toMatchObject({
    message: "request answered by another part of the application",
    sent: 200,
  });
});
