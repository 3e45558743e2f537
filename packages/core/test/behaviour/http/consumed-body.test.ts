import { once } from "node:events";
import { createServer, type RequestListener, request } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type CombinedRegistryHandler, createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { bodyParser } from "@koa/bodyparser";
import express, { type RequestHandler } from "express";
import Fastify from "fastify";
import Koa from "koa";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { digestOf, putManifest } from "../../support/push.ts";
import { listen } from "../../support/router.ts";
import { within } from "../../support/within.ts";

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
];

/** Readers that are not awaited: when the request reaches the registry, they may not have read a byte. */
const lateReaders: readonly (readonly [string, (request: Readable) => void])[] = [
  ["a listener", (request) => void request.on("data", () => undefined)],
  ["a pipe", (request) => void request.pipe(new PassThrough())],
  ["an iterator", (request) => void text(request).catch(() => undefined)],
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
  ])("at %s %s is an error, and hosted gets no request", async (method, target) => {
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

describe.each(lateReaders)("a body that %s waits for", (_name, read) => {
  it.each(["PATCH", "PUT"])("is given up at %s before it comes", async (method) => {
    await using running = await startHost(
      inExpress((request, _response, next) => {
        read(request);
        next();
      }),
    );
    const target = method === "PATCH" ? `${uploads}some-session` : "/v2/team/app/manifests/1.0";
    const { hostname, port } = new URL(running.url);
    const headers = { "Content-Type": "application/octet-stream", "Content-Length": "7" };
    const sent = request({ hostname, port, path: target, method, headers, agent: false });

    sent.flushHeaders();
    const [answer] = await within(5_000, "an answer before the body", once(sent, "response"));
    sent.end('{"a":1}');

    expect(answer.statusCode).toBe(500);
    expect(await text(answer)).toContain("read before the router saw it");
    expect(running.hosted.requests).toEqual([]);
  });
});

it("is forwarded whole when earlier middleware has only paused it", async () => {
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

it("is no error for a request without a body: an upload begins behind a body parser", async () => {
  await using running = await startHost(inExpress(express.raw(anything)));

  const begun = await fetchRaw(running.url, uploads, { method: "POST", headers: { "Content-Length": "0" } });

  expect(begun.status).toBe(202);
});
