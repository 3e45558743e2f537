import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import express from "express";
import { errorOf, fetchRaw } from "../support/client.ts";
import { browser, fetchPage, textOf } from "../support/page.ts";
import { closedPort, listen, startRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";
import { until } from "../support/within.ts";

const unreachable = { hosted: "http://127.0.0.1:9", proxy: "http://127.0.0.1:9" };

describe("who gets the status page", () => {
  it("is a browser, at / alone", async () => {
    await using router = await startRouter(unreachable);
    const ask = async (method: string, target: string, accept?: string) =>
      (await fetchRaw(router.url, target, { method, headers: accept === undefined ? {} : { accept } }))
        .status;

    expect(await ask("GET", "/", browser.Accept)).toBe(200);
    expect(await ask("HEAD", "/?image=app", browser.Accept)).toBe(200);
    expect(await ask("GET", "/", "TEXT/HTML")).toBe(200);
    expect(await ask("GET", "/")).toBe(404);
    expect(await ask("GET", "/", "*/*")).toBe(404);
    expect(await ask("GET", "/", "application/json, text/html;q=0")).toBe(404);
    expect(await ask("POST", "/", browser.Accept)).toBe(404);
    expect(await ask("GET", "/index.html", browser.Accept)).toBe(404);
  });

  it.each([
    [{}, "Accept"],
    [{ statusPage: false }, undefined],
  ])("is told to caches where it depends on Accept: %j", async (config, expected) => {
    await using router = await startRouter({ ...unreachable, ...config });
    const varyOf = async (target: string, accept: string) =>
      (await fetchRaw(router.url, target, { headers: { accept } })).headers.vary;

    expect(await varyOf("/", "*/*")).toBe(expected);
    expect(await varyOf("/", browser.Accept)).toBe(expected);
    expect(await varyOf("/index.html", browser.Accept)).toBe(undefined);
  });

  it("is no client where it is switched off, also by a reload", async () => {
    await using router = await startRouter({ ...unreachable, statusPage: false });
    expect(errorOf(await fetchPage(router)).code).toBe("NOT_FOUND");

    router.handler.reload(unreachable);
    expect((await fetchPage(router)).status).toBe(200);

    router.handler.reload({ ...unreachable, statusPage: false });
    expect((await fetchPage(router)).status).toBe(404);
  });

  it.each([
    [undefined, "the application's"],
    [false, "the application's"],
    [true, "Combined Registry"],
  ])("in an application with statusPage: %s, / is %s", async (statusPage, expected) => {
    const handler = createCombinedRegistryHandler({
      ...unreachable,
      ...(statusPage !== undefined && { statusPage }),
    });
    const app = express();
    app.use(handler);
    app.get("/", (_request, response) => void response.send("the application's"));
    const server = createServer(app);
    const port = await listen(server);
    try {
      const page = await fetchPage({ url: `http://127.0.0.1:${port}` });
      const program = await fetchRaw(`http://127.0.0.1:${port}`, "/", { headers: { Accept: "*/*" } });

      expect([page.status, page.text]).toEqual([200, expect.stringContaining(expected)]);
      expect(program.body.toString()).toBe("the application's");
    } finally {
      server.closeAllConnections();
      await Promise.all([new Promise((resolve) => server.close(resolve)), handler.close()]);
    }
  });

  it.each([
    [undefined, false],
    [true, true],
  ])("with statusPage: %s, matches() tells %s of it", async (statusPage, expected) => {
    await using router = await startRouter(
      { ...unreachable, ...(statusPage !== undefined && { statusPage }) },
      (handler) => (request, response) => response.end(String(handler.matches(request))),
    );

    expect((await fetchPage(router)).text).toBe(String(expected));
  });
});

describe("the status page", () => {
  it("may do what its own style and script do, and nothing else", async () => {
    await using router = await startRouter(unreachable);

    const { headers, text } = await fetchPage(router);

    const hashOf = (element: string) => {
      const [, own = ""] = new RegExp(`<${element}>(.*?)</${element}>`, "s").exec(text) ?? [];
      return `${element}-src 'sha256-${createHash("sha256").update(own).digest("base64")}'`;
    };
    const directives = String(headers["content-security-policy"]).split("; ");
    expect(directives).toEqual([
      "default-src 'none'",
      hashOf("style"),
      hashOf("script"),
      "connect-src 'self'",
      "img-src data:",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    expect(text).not.toMatch(/\son\w+=|style=|javascript:/);
  });

  it("shows how the registries are, what they did and what was decided", async () => {
    await using sides = await startSides();
    const image = sides.hosted.addImage("team/app", { tag: "1.0", layers: ["0123456789"] });
    await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0");
    await fetchRaw(sides.router.url, `/v2/team/app/blobs/${image.layers[0]?.digest}?secret=in-the-query`);
    await fetchRaw(sides.router.url, "/v2/team/none/manifests/x");

    const { text } = await fetchPage(sides.router);

    expect(textOf(text, "state")).toMatch(/^✓ All registries answer at \d\d:\d\d:\d\d UTC/);
    expect(textOf(text, "upstreams")).toMatch(/hosted private ✓ up 200, [\d.]+ ms closed 3 0 3 /);
    expect(textOf(text, "upstreams")).toMatch(/proxy cache ✓ up 200, [\d.]+ ms closed 2 0 0 0 B 0 B/);
    expect(textOf(text, "decisions")).toMatch(
      /team\/none:x GET manifest 404 \w+ proxy not found, hosted not found \d s ago team\/app@sha256:[0-9a-f]{12}… GET blob 200 hosted found by location hint \d s ago team\/app:1\.0 GET manifest 200 hosted found; proxy not found \d s ago$/,
    );
    expect(text).not.toContain("in-the-query");
  });

  it("names a registry that is down, counts its failed requests, and is still served", async () => {
    const port = await closedPort();
    await using sides = await startSides({
      router: {
        proxy: { url: `http://127.0.0.1:${port}`, breaker: { failures: 1 } },
      },
    });
    await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0");

    const { status, text } = await fetchPage(sides.router);

    expect(status).toBe(200);
    expect(textOf(text, "state")).toContain("✗ In trouble: proxy at");
    expect(textOf(text, "upstreams")).toMatch(
      /proxy cache ✗ down connection refused, [\d.]+ ms circuit open 1 1 0/,
    );
  });

  it("says whose numbers it shows where several processes answer", async () => {
    const peers = {
      withLock: <T>(_key: string, work: () => Promise<T>) => work(),
      publish: async () => undefined,
    };
    await using router = await startRouter({ ...unreachable, peers });
    const text = async () => (await fetchPage(router)).text;

    expect(await text()).toContain(`of this process (${process.pid}) alone, one of several`);
    expect(await text()).not.toContain("/metrics");

    const metrics = { page: async () => "of all" };
    router.handler.reload({ ...unreachable, peers, metrics });
    expect(await text()).toContain("/metrics covers all");

    router.handler.reload({ ...unreachable, peers, metrics, operations: "off" });
    expect(await text()).not.toContain("/metrics");
  });

  it("keeps the latest fifty decisions, and none of absurdly long addresses", async () => {
    await using sides = await startSides();
    await fetchRaw(sides.router.url, `/v2/${"long/".repeat(500)}app/manifests/1`);
    const ask = (name: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          fetchRaw(sides.router.url, `/v2/team/${name}-${index}/tags/list`),
        ),
      );
    await ask("early", 10);
    await ask("late", 50);

    const decisions = textOf((await fetchPage(sides.router)).text, "decisions");

    expect(new Set(decisions.match(/team\/[\w-]+(?= GET tag list)/g)).size).toBe(50);
    expect(decisions).not.toMatch(/early|long/);
  });

  it("shows tags that stand for two images, until a rule says which is meant", async () => {
    await using sides = await startSides();
    sides.proxy.addImage("team/app", { tag: "1", layers: ["public"] });
    sides.hosted.addImage("team/app", { tag: "1", layers: ["private"] });
    const shadows = async () => textOf((await fetchPage(sides.router)).text, "shadows");
    expect(await shadows()).toMatch(/^None found/);

    await fetchRaw(sides.router.url, "/v2/team/app/manifests/1", { headers: { Accept: "*/*" } });

    await until(5_000, "the finding", async () => /team\/app:1 hosted: sha256:/.test(await shadows()));
    const config = { hosted: sides.hosted.url, proxy: sides.proxy.url };
    sides.router.handler.reload({ ...config, rules: [{ match: "team/**", pull: ["hosted"] }] });
    expect(await shadows()).toMatch(/^None found/);
  });
});
