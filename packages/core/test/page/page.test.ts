import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import express from "express";
import { errorOf, fetchRaw } from "../support/client.ts";
import { browser, fetchPage, textOf } from "../support/page.ts";
import { startSides } from "../support/push.ts";
import { closedPort, listen, startRouter } from "../support/router.ts";
import { until, within } from "../support/within.ts";

const nobody = { hosted: "http://127.0.0.1:9", proxy: "http://127.0.0.1:9" };

describe("who gets the status page", () => {
  it("is a browser, at / alone", async () => {
    await using router = await startRouter(nobody);
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

  it("is nobody where it is switched off, and as soon as it is", async () => {
    await using router = await startRouter({ ...nobody, statusPage: false });
    expect(errorOf(await fetchPage(router)).code).toBe("NOT_FOUND");

    router.handler.reload(nobody);
    expect((await fetchPage(router)).status).toBe(200);

    router.handler.reload({ ...nobody, statusPage: false });
    expect((await fetchPage(router)).status).toBe(404);
  });

  it.each([
    [undefined, "the application's"],
    [false, "the application's"],
    [true, "Combined Registry"],
  ])("in an application with statusPage: %s, / is %s", async (statusPage, expected) => {
    const handler = createCombinedRegistryHandler({
      ...nobody,
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
      { ...nobody, ...(statusPage !== undefined && { statusPage }) },
      (handler) => (request, response) => response.end(String(handler.matches(request))),
    );

    expect((await fetchPage(router)).text).toBe(String(expected));
  });
});

describe("the status page", () => {
  it("may do what its own style and script do, and nothing else", async () => {
    await using router = await startRouter(nobody);

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
      /team\/none:x GET manifest 404 \w+ proxy absent, hosted absent \d s ago team\/app@sha256:[0-9a-f]{12}… GET blob 200 hosted remembered \d s ago team\/app:1\.0 GET manifest 200 hosted found; proxy absent \d s ago$/,
    );
    expect(text).not.toContain("in-the-query");
  });

  it("names a registry that is away, counts what it could not answer, and goes on being served", async () => {
    const port = await closedPort();
    await using sides = await startSides({
      proxy: { url: `http://127.0.0.1:${port}`, breaker: { failures: 1 } },
    });
    await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0");

    const { status, text } = await fetchPage(sides.router);

    expect(status).toBe(200);
    expect(textOf(text, "state")).toContain("✗ In trouble: proxy at");
    expect(textOf(text, "upstreams")).toMatch(
      /proxy cache ✗ down connection refused, [\d.]+ ms open: left out after failures 1 1 0/,
    );
  });

  it("says whose numbers it shows where several processes answer", async () => {
    const peers = {
      oneAtATime: <T>(_key: string, work: () => Promise<T>) => work(),
      tell: async () => undefined,
    };
    await using router = await startRouter({ ...nobody, peers });

    expect((await fetchPage(router)).text).toContain(
      `of this process (${process.pid}) alone, one of several`,
    );
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

describe("the box that explains an image", () => {
  it("says what `explain` says, with the commands to copy", async () => {
    await using sides = await startSides();
    const { digest } = sides.hosted.addImage("team/app", { tag: "1.0" });

    const { text } = await fetchPage(sides.router, {
      image: " registry.example.com/team/app:1.0 ",
      headers: { Host: "registry.example.com:5000" },
    });

    const said = textOf(text, "explanation");
    expect(said).toMatch(/^team\/app:1\.0 pull from hosted : proxy absent digest sha256:/);
    expect(said).toContain(digest);
    expect(said).toContain("docker pull registry.example.com:5000/team/app:1.0 Copy");
    expect(said).toContain("docker push registry.example.com:5000/team/app:1.0 Copy");
    expect(text).toContain('value="registry.example.com/team/app:1.0"');
  });

  it.each([
    ["markup", "<img src=x onerror=alert(1)>"],
    ["an end of the attribute", `app" autofocus onfocus="alert(1)`],
    ["an end of the script", "</script><script>alert(1)</script>"],
  ])("takes %s in a name for text, and asks nobody about it", async (_, image) => {
    await using sides = await startSides();

    const { text, status } = await fetchPage(sides.router, { image });

    expect(status).toBe(200);
    expect(text).not.toContain(image);
    expect(textOf(text, "explanation")).toMatch(/^the image name /);
    expect([...sides.proxy.requests, ...sides.hosted.requests].map(({ path }) => path)).toEqual([
      "/v2/",
      "/v2/",
    ]);
  });

  it.each([
    ["registry", "http", "registry:80"],
    ["registry", "https", "registry:443"],
    ["localhost", "http", "localhost"],
    ["[::1]:5000", "http", "[::1]:5000"],
  ])("has docker take the host %s (%s) for one: %s", async (host, proto, said) => {
    await using sides = await startSides({ trustProxy: ["127.0.0.1"] });

    const headers = { Host: host, "X-Forwarded-Proto": proto };
    const { text } = await fetchPage(sides.router, { image: "team/app", headers });

    expect(text).toContain(`docker push ${said}/team/app:latest`);
  });

  it("explains what the commands get, under a name that stands for one registry", async () => {
    await using sides = await startSides();
    const hosted = { url: sides.hosted.url, hosts: ["hosted"] };
    sides.router.handler.reload({ hosted, proxy: sides.proxy.url });
    sides.proxy.addImage("team/app", { tag: "1" });

    const { text } = await fetchPage(sides.router, { image: "team/app:1", headers: { Host: "hosted" } });

    expect(textOf(text, "explanation")).toMatch(
      /^team\/app:1 pull 404 : .* docker pull hosted:80\/team\/app:1 /,
    );
    expect(sides.proxy.requests.filter(({ path }) => path !== "/v2/")).toEqual([]);
  });

  it("puts no host into commands that a shell could take for more", async () => {
    await using sides = await startSides();

    const { text } = await fetchPage(sides.router, { image: "team/app", headers: { Host: "$(id);x" } });

    expect(text).toContain("docker pull registry.example.com/team/app:latest");
  });

  it("asks nobody for HEAD, nor where another site has led the browser", async () => {
    await using sides = await startSides();
    await fetchRaw(sides.router.url, "/?image=team/app", { method: "HEAD", headers: browser });
    for (const site of ["cross-site", "same-site"]) {
      const { text } = await fetchPage(sides.router, {
        image: "team/app",
        headers: { "Sec-Fetch-Site": site },
      });
      expect(textOf(text, "explanation")).toMatch(/^Nothing has been asked yet/);
      expect(text).toContain('value="team/app"');
    }

    expect(sides.proxy.requests.filter(({ path }) => path !== "/v2/")).toEqual([]);
  });

  it("explains four images at a time, and tells others at once to come again", async () => {
    await using sides = await startSides();
    sides.hosted.addImage("team/app", { tag: "1" });
    const hanging = sides.proxy.fault({ path: /manifests/, hang: true });
    const ask = () => fetchPage(sides.router, { image: "team/app:1" });
    const waiting = Array.from({ length: 4 }, ask);
    await until(5_000, "four to wait", () => hanging.hits === 4);

    const fifth = await within(2_000, "the fifth", ask());

    expect(textOf(fifth.text, "explanation")).toMatch(/^Too many images/);
    hanging.remove();
    await sides.proxy.close();
    await Promise.all(waiting);
    expect(textOf((await ask()).text, "explanation")).toMatch(/^team\/app:1 pull from hosted/);
  });
});
