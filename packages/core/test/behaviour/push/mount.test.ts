import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw, type Received } from "../../support/client.ts";
import { asked, digestOf } from "../../support/push.ts";
import { listen, startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

function mount({ url }: { readonly url: string }, repository: string, query: string): Promise<Received> {
  return fetchRaw(url, `/v2/${repository}/blobs/uploads/?${query}`, { method: "POST" });
}

/** An upstream that takes every request's body before it answers. */
async function startStalling(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    request.on("end", () => answer(request, response)).resume();
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("a mount", () => {
  it.each([400, 403, 404, 405, 501])(
    "that hosted refuses with %i begins an upload instead",
    async (status) => {
      await using sides = await startSides();
      sides.hosted.fault({ path: /mount=/, status });

      const begun = await mount(sides.router, "team/app", `mount=${digestOf("nowhere")}&from=library/base`);

      expect(begun.status).toBe(202);
      expect(begun.headers.location).toMatch(/^\/v2\/team\/app\/blobs\/uploads\/./);
      expect(asked(sides.hosted, "POST")).toHaveLength(2);
    },
  );

  it("of a blob that only a proxy has is answered 201 after it is copied to hosted", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const { digest } = proxy.addBlob("library/base", "layer");

    const mounted = await mount(router, "team/app", `mount=${digest}&from=library/base`);

    expect(mounted.status).toBe(201);
    expect(mounted.headers).toMatchObject({
      location: `/v2/team/app/blobs/${digest}`,
      "docker-content-digest": digest,
      "content-length": "0",
      "x-combined-registry": "hosted; copied from library/base of a proxy",
    });
    expect(hosted.hasBlob("team/app", digest)).toBe(true);
    expect(proxy.requests.map(({ method, path }) => [method, path])).toEqual([
      ["GET", `/v2/library/base/blobs/${digest}`],
    ]);
  });

  it.each(["relative", "absolute"] as const)(
    "gives up the upload that hosted began for it, at a %s address",
    async (locations) => {
      await using proxy = await startRegistry();
      await using hosted = await startRegistry({ locations });
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });
      const { digest } = proxy.addBlob("base", "layer");

      await mount(router, "app", `mount=${digest}&from=base`);

      await until(2_000, "hosted is told to", () =>
        hosted.requests.some(({ method, status }) => method === "DELETE" && status === 204),
      );
      expect(asked(hosted, "DELETE")).toHaveLength(1);
    },
  );

  it("whose client leaves during the copy cancels the upload that hosted began", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const { digest } = proxy.addBlob("base", "layer");
    proxy.fault({ path: /blobs/, hang: true });
    const path = `/v2/app/blobs/uploads/?mount=${digest}&from=base`;
    const sent = httpRequest(router.url + path, { method: "POST", agent: false });
    sent.on("error", () => undefined);
    sent.end();
    await until(5_000, "the copy begins", () => asked(proxy, "GET").length === 1);

    sent.destroy();

    await until(5_000, "hosted is told to", () =>
      hosted.requests.some(({ method, status }) => method === "DELETE" && status === 204),
    );
    expect(asked(hosted, "POST")).toHaveLength(1);
  });

  it("whose client leaves while hosted is asked whether it owns the source cancels the upload as well", async () => {
    await using sides = await startSides({ router: { rules: [{ match: "**", owned: true }] } });
    const { hosted, router } = sides;
    hosted.fault({ path: /tags\/list/, delay: 500 });
    const path = `/v2/app/blobs/uploads/?mount=${digestOf("layer")}&from=base`;
    const sent = httpRequest(router.url + path, { method: "POST", agent: false });
    sent.on("error", () => undefined);
    sent.end();
    await until(5_000, "hosted is asked", () => asked(hosted, "GET").includes("base/tags/list"));

    sent.destroy();

    await until(5_000, "hosted is told to", () =>
      hosted.requests.some(({ method, status }) => method === "DELETE" && status === 204),
    );
  });

  it("leaves no connection open to a hosted registry that does not end its responses", async () => {
    await using proxy = await startRegistry();
    const { digest } = proxy.addBlob("base", "layer");
    const steps: string[] = [];
    const open = new Set<ServerResponse>();
    await using hosted = await startStalling(({ method = "", url = "" }, response) => {
      const isMount = url.includes("mount=");
      steps.push(isMount ? "mount" : method);
      open.add(response);
      response.once("close", () => open.delete(response));
      response.statusCode = { HEAD: 404, POST: 202, PUT: 201 }[method] ?? 204;
      response.setHeader("Location", "/v2/app/blobs/uploads/1");
      if (isMount || method === "HEAD" || method === "DELETE") {
        response.end();
      } else {
        response.writeHead(response.statusCode, { "Content-Length": 10 }).write("short");
      }
    });
    await using router = await startRouter({
      hosted: { url: hosted.url, timeouts: { idle: 100 } },
      proxy: proxy.url,
    });

    const mounted = await mount(router, "app", `mount=${digest}&from=base`);

    expect([mounted.status, steps.slice(0, 4)]).toEqual([201, ["mount", "HEAD", "POST", "PUT"]]);
    await until(5_000, "nothing is under way at hosted", () => open.size === 0);
  });

  it("of a blob that hosted has is answered by hosted, and no proxy is asked", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const { digest } = hosted.addBlob("base", "layer");

    const mounted = await mount(router, "app", `mount=${digest}&from=base`);

    expect([mounted.status, mounted.headers["x-combined-registry"]]).toEqual([
      201,
      "hosted; pushes go to hosted",
    ]);
    expect(proxy.requests).toEqual([]);
  });

  it("of a blob that no registry has begins an upload, which the client continues", async () => {
    await using sides = await startSides();
    const { router, hosted } = sides;
    const digest = digestOf("layer");

    const begun = await mount(router, "app", `mount=${digest}&from=base`);
    const joint = begun.headers.location?.includes("?") ? "&" : "?";
    const put = await fetchRaw(router.url, `${begun.headers.location}${joint}digest=${digest}`, {
      method: "PUT",
      body: "layer",
    });

    expect([begun.status, put.status, hosted.hasBlob("app", digest)]).toEqual([202, 201, true]);
    expect(begun.headers["x-combined-registry"]).toContain(`blobs/${digest} of base: proxy not found`);
  });

  it("from a proxy that fails begins an upload, and names the failure", async () => {
    await using sides = await startSides();
    sides.proxy.fault({ reset: true });

    const begun = await mount(sides.router, "app", `mount=${digestOf("layer")}&from=base`);

    expect([begun.status, begun.headers["x-combined-registry"]]).toEqual([
      202,
      expect.stringContaining("proxy failed (connection closed before an answer)"),
    ]);
  });

  it("without a source is answered by hosted alone", async () => {
    await using sides = await startSides();
    const { digest } = sides.proxy.addBlob("app", "layer");

    const begun = await mount(sides.router, "app", `mount=${digest}`);

    expect([begun.status, sides.proxy.requests]).toEqual([202, []]);
  });

  it("is answered by hosted alone if copies are switched off", async () => {
    await using sides = await startSides({ router: { copy: false } });
    const { digest } = sides.proxy.addBlob("base", "layer");

    const begun = await mount(sides.router, "app", `mount=${digest}&from=base`);

    expect([begun.status, sides.proxy.requests]).toEqual([202, []]);
  });

  it("asks only upstreams that the source's rule names, whatever the target's rule says", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [
        { name: "first", url: first.url },
        { name: "second", url: second.url },
      ],
      rules: [
        { match: "private/**", pull: ["hosted"] },
        { match: "second/**", pull: ["second", "hosted"] },
      ],
    });
    const layers = ["private/base", "second/base"].map((repository) => {
      first.addBlob(repository, "layer");
      return second.addBlob(repository, "layer");
    });
    const [digest = ""] = layers.map((layer) => layer.digest);

    const fromPrivate = await mount(router, "public/app", `mount=${digest}&from=private/base`);
    const afterPrivate = [first.requests.length, second.requests.length];
    const fromSecond = await mount(router, "private/app", `mount=${digest}&from=second/base`);

    expect([fromPrivate.status, ...afterPrivate]).toEqual([202, 0, 0]);
    expect([fromSecond.status, first.requests.length, asked(second, "GET")]).toEqual([
      201,
      0,
      [`second/base/blobs/${digest}`],
    ]);
  });
});
