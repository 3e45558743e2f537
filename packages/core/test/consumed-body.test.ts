import { createServer, type RequestListener } from "node:http";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { type CombinedRegistryHandler, createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { bodyParser } from "@koa/bodyparser";
import express, { type RequestHandler } from "express";
import Fastify from "fastify";
import Koa from "koa";
import { errorOf, fetchRaw } from "./support/client.ts";
import { digestOf, putManifest } from "./support/push.ts";
import { listen } from "./support/router.ts";

/** Makes a host application's listener in which something reads bodies before the registry is reached. */
type Host = (registry: CombinedRegistryHandler) => RequestListener | Promise<RequestListener>;

const inExpress =
  (reader: RequestHandler): Host =>
  (registry) =>
    express().use(reader).use(registry);

const inKoa: Host = (registry) => {
  const app = new Koa();
  app.use(bodyParser({ enableTypes: ["json", "form", "text"] }));
  app.use((ctx) => {
    ctx.respond = false;
    registry(ctx.req, ctx.res);
  });
  return app.callback();
};

const inFastify: Host = async (registry) => {
  const app = Fastify();
  app.all("/v2/*", (request, reply) => {
    reply.hijack();
    registry(request.raw, reply.raw);
  });
  await app.ready();
  return (request, response) => app.routing(request, response);
};

const anything = { type: "*/*" };
const hosts: readonly (readonly [string, Host, string])[] = [
  ["express.json", inExpress(express.json(anything)), "application/vnd.oci.image.manifest.v1+json"],
  ["express.raw", inExpress(express.raw(anything)), "application/octet-stream"],
  ["express.text", inExpress(express.text(anything)), "application/octet-stream"],
  ["Koa's body parser", inKoa, "application/json"],
  ["Fastify's parser", inFastify, "application/json"],
  [
    "a listener that has got nothing yet",
    inExpress((request, _response, next) => {
      request.on("data", () => undefined);
      next();
    }),
    "application/octet-stream",
  ],
  [
    "a pipe that nobody waits for",
    inExpress((request, _response, next) => {
      request.pipe(new PassThrough());
      next();
    }),
    "application/octet-stream",
  ],
  [
    "an iterator that nobody waits for",
    inExpress((request, _response, next) => {
      text(request).catch(() => undefined);
      next();
    }),
    "application/octet-stream",
  ],
];

async function startHost(host: Host) {
  const proxy = await startRegistry();
  const hosted = await startRegistry();
  const handler = createCombinedRegistryHandler({ hosted: hosted.url, proxy: proxy.url });
  const server = createServer({ requestTimeout: 0 }, await host(handler));
  const url = `http://127.0.0.1:${await listen(server)}`;
  return {
    url,
    hosted,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await Promise.all([
        new Promise((resolve) => server.close(resolve)),
        handler.close(),
        proxy.close(),
        hosted.close(),
      ]);
    },
  };
}

const digest = digestOf('{"a":1}');
const uploads = "/v2/team/app/blobs/uploads/";

describe.each(hosts)("a body that was read by %s", (_name, host, contentType) => {
  it.each([
    ["POST", `${uploads}?digest=${digest}`],
    ["PATCH", `${uploads}some-session`],
    ["PUT", `${uploads}some-session?digest=${digest}`],
    ["PUT", "/v2/team/app/manifests/1.0"],
  ])("is missed at %s %s, and hosted hears of nothing", async (method, target) => {
    await using running = await startHost(host);

    const answers = [
      await fetchRaw(running.url, target, {
        method,
        headers: { "Content-Type": contentType },
        body: '{"a":1}',
      }),
      await fetchRaw(running.url, target, {
        method,
        headers: { "Content-Type": contentType, "Transfer-Encoding": "chunked" },
        body: '{"a":1}',
      }),
    ];

    for (const answer of answers) {
      expect([answer.status, answer.headers["content-type"]]).toEqual([500, "application/json"]);
      expect(errorOf(answer)).toMatchObject({
        code: "UNKNOWN",
        message: expect.stringMatching(
          /mount the router before any body parser, or keep the parser off \/v2\//,
        ),
      });
    }
    expect(running.hosted.requests).toEqual([]);
  });
});

it("is as good as new when whoever came before has only held it back", async () => {
  await using running = await startHost(
    inExpress((request, _response, next) => {
      request.pause();
      setImmediate(next);
    }),
  );
  const manifest = JSON.stringify({ schemaVersion: 2, layers: [] });

  const put = await putManifest(running, "team/app", "1.0", manifest);

  expect(put.status).toBe(201);
  expect(running.hosted.manifest("team/app", "1.0")?.toString()).toBe(manifest);
});

it("is not missed where there is none: an upload begins behind a body parser", async () => {
  await using running = await startHost(inExpress(express.raw(anything)));

  const begun = await fetchRaw(running.url, uploads, { method: "POST", headers: { "Content-Length": "0" } });

  expect(begun.status).toBe(202);
});
