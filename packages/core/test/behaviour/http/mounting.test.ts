import { createServer } from "node:http";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import express from "express";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";

describe("in a bare node:http server", () => {
  it("answers its own paths, and matches() tells which those are", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    hosted.addImage("team/app", { tag: "1.0", layers: ["x"] });
    await using router = await startRouter(
      { hosted: hosted.url, proxy: proxy.url },
      (handler) => (request, response) => {
        if (handler.matches(request)) {
          handler(request, response);
        } else {
          response.end("the host's own");
        }
      },
    );

    const image = await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
    const own = await fetchRaw(router.url, "/v2foo");

    expect(image.status).toBe(200);
    expect(own.body.toString()).toBe("the host's own");
  });

  it("answers 404 itself where there is no next", async () => {
    await using router = await startRouter({ hosted: "http://127.0.0.1:9", proxy: "http://127.0.0.1:9" });

    const answer = await fetchRaw(router.url, "/elsewhere");

    expect([answer.status, errorOf(answer).code]).toEqual([404, "NOT_FOUND"]);
  });
});

describe("in Express 5", () => {
  async function startExpress(
    hostedUrl: string,
    proxyUrl: string,
    build: (app: express.Express, registry: express.RequestHandler) => void,
  ) {
    const handler = createCombinedRegistryHandler({ hosted: hostedUrl, proxy: proxyUrl, operations: "off" });
    const app = express();
    build(app, handler);
    const server = createServer({ requestTimeout: 0 }, app);
    const port = await listen(server);
    return {
      url: `http://127.0.0.1:${port}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await Promise.all([new Promise((resolve) => server.close(resolve)), handler.close()]);
      },
    };
  }

  it("works beside other routes, before and after it, and leaves them their pages", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    hosted.addImage("team/app", { tag: "1.0", layers: ["x"] });
    await using app = await startExpress(hosted.url, proxy.url, (app, registry) => {
      app.get("/before", (_request, response) => void response.send("before"));
      app.use(registry);
      app.use(express.json());
      app.get("/metrics", (_request, response) => void response.send("the app's metrics"));
      app.post("/after", (request, response) => void response.json(request.body));
    });

    const texts = await Promise.all(
      ["/before", "/metrics"].map(async (path) => (await fetchRaw(app.url, path)).body.toString()),
    );
    const posted = await fetchRaw(app.url, "/after", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"a":1}',
    });
    const image = await fetchRaw(app.url, "/v2/team/app/manifests/1.0");
    const pushed = await fetchRaw(app.url, "/v2/team/app/blobs/uploads/", { method: "POST" });

    expect(texts).toEqual(["before", "the app's metrics"]);
    expect(posted.body.toString()).toBe('{"a":1}');
    expect([image.status, pushed.status]).toEqual([200, 202]);
  });

  it("answers below a path, but its Location headers point to the root", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    hosted.addImage("team/app", { tag: "1.0" });
    await using app = await startExpress(hosted.url, proxy.url, (app, registry) => {
      app.use("/registry", registry);
    });

    const image = await fetchRaw(app.url, "/registry/v2/team/app/manifests/1.0");
    const begun = await fetchRaw(app.url, "/registry/v2/team/app/blobs/uploads/", { method: "POST" });
    const wanted = await fetchRaw(app.url, "/v2/");

    expect([image.status, begun.status, wanted.status]).toEqual([200, 202, 404]);
    expect(begun.headers.location).toMatch(/^\/v2\/team\/app\/blobs\/uploads\//);
  });
});
