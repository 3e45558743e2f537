import { createServer, type RequestListener } from "node:http";
import {
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
  type DecisionRecord,
  serverOptions,
} from "@combined-registry/core";
import { fastifyPlugin } from "@combined-registry/core/fastify";
import { honoMiddleware } from "@combined-registry/core/hono";
import { koaMiddleware } from "@combined-registry/core/koa";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { bodyParser } from "@koa/bodyparser";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { fetchRaw } from "../../support/client.ts";
import { digestOf, manifestOf, manifestType, putManifest } from "../../support/push.ts";
import { listen } from "../../support/router.ts";
import { until } from "../../support/within.ts";

/** A host application: its own page at /own, an echo of JSON bodies at /echo, and the registry. */
type Host = (registry: CombinedRegistryHandler, log: string[]) => RequestListener | Promise<RequestListener>;

const inKoa: Host = (registry, log) => {
  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    log.push(`${ctx.method} ${ctx.path} ${ctx.res.statusCode} ${ctx.res.closed ? "closed" : "open"}`);
  });
  app.use(koaMiddleware(registry));
  app.use(bodyParser());
  app.use((ctx) => {
    ctx.body = ctx.path === "/echo" ? ctx.request.body : "own page";
  });
  return app.callback();
};

const inFastify: Host = async (registry, log) => {
  const app = Fastify();
  app.addHook("onResponse", (request, reply, done) => {
    log.push(
      `${request.method} ${request.url} ${reply.raw.statusCode} ${reply.raw.closed ? "closed" : "open"}`,
    );
    done();
  });
  await app.register(fastifyPlugin(registry));
  app.get("/own", () => "own page");
  app.post("/echo", ({ body }) => body);
  await app.ready();
  return (request, response) => app.routing(request, response);
};

const inHono: Host = (registry, log) => {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (c, next) => {
    await next();
    const { outgoing } = c.env;
    log.push(`${c.req.method} ${c.req.path} ${outgoing.statusCode} ${outgoing.closed ? "closed" : "open"}`);
  });
  app.use(honoMiddleware(registry));
  app.get("/own", (c) => c.text("own page"));
  app.post("/echo", async (c) => c.json(await c.req.json()));
  return getRequestListener(app.fetch);
};

interface Running extends AsyncDisposable {
  readonly url: string;
  readonly hosted: TestRegistry;
  readonly records: DecisionRecord[];
  readonly log: string[];
}

async function start(host: Host): Promise<Running> {
  const hosted = await startRegistry();
  const proxy = await startRegistry();
  const records: DecisionRecord[] = [];
  const log: string[] = [];
  const registry = createCombinedRegistryHandler({
    hosted: hosted.url,
    proxy: proxy.url,
    onDecision: (record) => records.push(record),
  });
  const server = createServer(serverOptions, await host(registry, log));
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    hosted,
    records,
    log,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await Promise.all([registry.close(), hosted.close(), proxy.close()]);
    },
  };
}

const octets = { "Content-Type": "application/octet-stream" };

describe.each([
  ["Koa", inKoa],
  ["Fastify", inFastify],
  ["Hono", inHono],
])("the router in %s", (name, host) => {
  it("answers GET and HEAD of a manifest, and a range of a blob", async () => {
    await using running = await start(host);
    const image = running.hosted.addImage("team/app", { tag: "1.0" });
    const layer = running.hosted.addGeneratedBlob("team/app", { size: 3_000_000, seed: 1 });
    const target = "/v2/team/app/manifests/1.0";

    const got = await fetchRaw(running.url, target);
    const head = await fetchRaw(running.url, target, { method: "HEAD" });
    const missing = await fetchRaw(running.url, "/v2/team/app/manifests/none", { method: "HEAD" });
    const whole = await fetchRaw(running.url, `/v2/team/app/blobs/${layer.digest}`);
    const range = await fetchRaw(running.url, `/v2/team/app/blobs/${layer.digest}`, {
      headers: { Range: "bytes=1000-1999" },
    });

    expect(got.body).toEqual(running.hosted.manifest("team/app", "1.0"));
    expect([head.status, head.headers["docker-content-digest"], head.headers["content-length"]]).toEqual([
      200,
      image.digest,
      String(got.body.length),
    ]);
    expect(missing.status).toBe(404);
    expect(digestOf(whole.body)).toBe(layer.digest);
    expect([range.status, range.body]).toEqual([206, whole.body.subarray(1000, 2000)]);
    expect(running.records.map(({ status, complete }) => [status, complete])).toEqual([
      [200, true],
      [200, true],
      [404, true],
      [200, true],
      [206, true],
    ]);
  });

  it("takes a chunked upload in pieces and a manifest, as docker pushes them", async () => {
    await using running = await start(host);
    const content = Buffer.alloc(300_000, "layer");
    const digest = digestOf(content);

    const begun = await fetchRaw(running.url, "/v2/team/app/blobs/uploads/", {
      method: "POST",
      headers: { "Content-Length": "0" },
    });
    const patched = await fetchRaw(running.url, String(begun.headers.location), {
      method: "PATCH",
      headers: { ...octets, "Transfer-Encoding": "chunked" },
      body: content,
    });
    const session = String(patched.headers.location);
    const closed = await fetchRaw(
      running.url,
      `${session}${session.includes("?") ? "&" : "?"}digest=${digest}`,
      {
        method: "PUT",
        headers: { "Content-Length": "0" },
      },
    );
    const blob = { digest, size: content.length };
    const manifest = manifestOf(blob, blob);
    const put = await putManifest(running, "team/app", "1.0", manifest);
    const asJson = await putManifest(running, "team/app", "2.0", manifest, "application/json");

    expect([begun.status, patched.status, closed.status, put.status]).toEqual([202, 202, 201, 201]);
    expect(running.hosted.hasBlob("team/app", digest)).toBe(true);
    expect(running.hosted.manifest("team/app", "1.0")?.toString()).toBe(manifest);
    // Of a type that body parsers look for.
    expect(asJson.status).toBe(201);
    expect(
      running.hosted.requests.find(({ headers }) => headers["content-type"] === manifestType),
    ).toBeDefined();
    expect(running.records.every(({ complete, status }) => complete && status < 300)).toBe(true);
  });

  it("leaves other pages and request bodies to the application, and calls its middleware after each response", async () => {
    await using running = await start(host);

    const own = await fetchRaw(running.url, "/own");
    const echo = await fetchRaw(running.url, "/echo", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"a":1}',
    });
    await fetchRaw(running.url, "/v2/");

    expect([own.status, own.body.toString()]).toEqual([200, "own page"]);
    expect([echo.status, echo.body.toString()]).toEqual([200, '{"a":1}']);
    expect(running.records.map(({ path }) => path)).toEqual(["/v2/"]);
    expect(running.log.at(-1)).toMatch(name === "Fastify" ? /^GET \/v2\/ 200/ : /^GET \/v2\/ 200 closed$/);
  });
});

it("closing Fastify waits for the router's requests", async () => {
  await using hosted = await startRegistry();
  const registry = createCombinedRegistryHandler({ hosted: hosted.url, proxy: hosted.url });
  const app = Fastify();
  await app.register(fastifyPlugin(registry));
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const slow = hosted.fault({ path: /tags/, delay: 200, times: 1 });
  hosted.addImage("team/app", { tag: "1.0" });

  const listed = fetchRaw(url, "/v2/team/app/tags/list");
  await until(5_000, "hosted to be asked", () => slow.hits > 0);
  await app.close();

  expect((await listed).status).toBe(200);
});

describe("a Hono application without the adapter", () => {
  const handWritten =
    (answer: (registry: CombinedRegistryHandler, bindings: HttpBindings) => Promise<Response>): Host =>
    (registry) => {
      const app = new Hono<{ Bindings: HttpBindings }>();
      app.all("/v2/*", (c) => answer(registry, c.env));
      return getRequestListener(app.fetch);
    };
  const target = "/v2/team/app/manifests/none";
  // Hono's server reports there that it came too late.
  beforeEach(() => {
    jest.spyOn(console, "error").mockImplementation(() => undefined);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it("gets the router's response when it awaits the handler, and its own response is ignored", async () => {
    await using running = await start(
      handWritten(async (registry, { incoming, outgoing }) => {
        await registry(incoming, outgoing);
        return new Response("too late");
      }),
    );

    const head = await fetchRaw(running.url, target, { method: "HEAD" });
    const put = await putManifest(running, "team/app", "1.0", manifestOf());

    expect([head.status, put.status]).toEqual([404, 201]);
    expect(running.records.map(({ status, complete }) => [status, complete])).toEqual([
      [404, true],
      [201, true],
    ]);
  });

  it("has the request recorded as failed when it does not await the handler", async () => {
    await using running = await start(
      handWritten(async (registry, { incoming, outgoing }) => {
        void registry(incoming, outgoing);
        return new Response(null);
      }),
    );

    await fetchRaw(running.url, target, { method: "HEAD" });
    await until(5_000, "the record", () => running.records.length > 0);

    expect(running.records[0]).toMatchObject({ status: 500, complete: false });
  });
});

it("a Hono application that does not run on Node's server gets an error that names the server it needs", async () => {
  const registry = createCombinedRegistryHandler({ hosted: "http://hosted", proxy: "http://proxy" });
  const app = new Hono().use(honoMiddleware(registry)).onError(({ message }, c) => c.text(message, 500));

  const answer = await app.request("/v2/");

  expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining("@hono/node-server")]);
});
