import { createServer } from "node:http";
import type { CombinedRegistryConfig } from "@combined-registry/core";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { keptWarnings } from "../../support/logged.ts";
import { asked, digestOf, manifestOf, putManifest } from "../../support/push.ts";
import { listen, startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const denying: Partial<CombinedRegistryConfig> = {
  rules: [{ match: "other/**" }, { match: "team/**", shadow: "deny" }],
};
const indexType = "application/vnd.oci.image.index.v1+json";

/** A manifest that hosted takes. */
function manifestFor(hosted: TestRegistry, text = "private"): string {
  return manifestOf(hosted.addBlob("team/app", text));
}

function counted(text: string): string | undefined {
  return /shadowed_tags_total\{upstream="proxy"\} (\d+)/.exec(text)?.[1];
}

describe("a push of a tag that a proxy has with another digest", () => {
  it("gives a Warning, is counted and logged after hosted has it", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger, via: "router" } });
    const { proxy, hosted, router } = sides;
    const theirs = proxy.addImage("team/app", { tag: "1", layers: ["public"] }).digest;
    const manifest = manifestFor(hosted);

    const put = await putManifest(router, "team/app", "1", manifest);

    expect([put.status, put.headers.warning]).toEqual([
      201,
      `299 - "proxy has team/app:1 too, with ${theirs}; this push has ${digestOf(manifest)}"`,
    ]);
    expect(hosted.manifest("team/app", "1")?.toString()).toBe(manifest);
    expect(warnings).toMatchObject([
      {
        repository: "team/app",
        tag: "1",
        hosted: { upstream: "hosted", digest: digestOf(manifest) },
        proxy: { upstream: "proxy", digest: theirs },
      },
    ]);
    expect(counted(await router.handler.metrics.metrics())).toBe("1");
  });

  it("is refused with `shadow: deny`, and the error names both digests and the rule", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { ...denying, logger } });
    const { proxy, hosted, router } = sides;
    const theirs = proxy.addImage("team/app", { tag: "1", layers: ["public"] }).digest;
    const manifest = manifestFor(hosted);

    const put = await putManifest(router, "team/app", "1", manifest);

    expect([put.status, put.headers["x-combined-registry"]]).toEqual([
      403,
      "router; proxy has team/app:1 with another digest",
    ]);
    expect(errorOf(put)).toEqual({
      code: "DENIED",
      message: `team/app:1 is not pushed as ${digestOf(manifest)}: proxy has that tag with ${theirs}, and rules[1] denies tags that shadow others`,
      detail: { upstream: "proxy", digest: theirs, pushed: digestOf(manifest) },
    });
    expect([asked(hosted, "PUT"), hosted.tags("team/app")]).toEqual([[], []]);
    expect([counted(await router.handler.metrics.metrics()), warnings]).toEqual(["0", []]);
  });

  it.each([
    ["by ?ns= of another registry", "?ns=docker.io", {}],
    ["by a host name of hosted's own", "", { Host: "private.example" }],
  ])("is also refused %s", async (_, query, headers) => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, hosts: ["private.example"] },
      proxy: { name: "ghcr", url: proxy.url, namespace: "ghcr.io" },
      ...denying,
    });
    proxy.addImage("team/app", { tag: "1", layers: ["public"] });

    const put = await fetchRaw(router.url, `/v2/team/app/manifests/1${query}`, {
      method: "PUT",
      headers,
      body: manifestFor(hosted),
    });

    expect([put.status, hosted.tags("team/app")]).toEqual([403, []]);
    expect(proxy.requests.map(({ url }) => url)).toEqual(["/v2/team/app/manifests/1"]);
  });

  it("is refused for any of several proxies, under each proxy's name for the repository", async () => {
    await using hosted = await startRegistry();
    await using first = await startRegistry();
    await using hub = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [
        { name: "first", url: first.url },
        { name: "hub", url: hub.url, libraryPrefix: true },
      ],
      rules: [{ match: "**", shadow: "deny" }],
    });
    hub.addImage("library/nginx", { tag: "1", layers: ["public"] });

    const put = await putManifest(router, "nginx", "1", manifestOf(hosted.addBlob("nginx", "{}")));

    expect([put.status, errorOf(put).message]).toEqual([403, expect.stringContaining("hub has that tag")]);
  });

  it("compares an index's own digest", async () => {
    await using sides = await startSides({ router: denying });
    const { proxy, hosted, router } = sides;
    const child = manifestFor(hosted);
    await putManifest(hosted, "team/app", digestOf(child), child);
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: digestOf(child),
          size: child.length,
        },
      ],
    });
    proxy.addManifest("team/app", index, { tag: "same" });
    proxy.addManifest("team/app", child, { tag: "child" });

    const same = await putManifest(router, "team/app", "same", index, indexType);
    const other = await putManifest(router, "team/app", "child", index, indexType);

    expect([same.status, other.status]).toEqual([201, 403]);
    expect(proxy.requests.map(({ method, headers }) => [method, headers.accept])).toEqual(
      Array.from({ length: 2 }, () => ["HEAD", expect.stringContaining(indexType)]),
    );
  });

  it("is only logged and counted if the proxy answers much later than hosted", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger } });
    const { proxy, hosted, router } = sides;
    proxy.addImage("team/app", { tag: "1", layers: ["public"] });
    proxy.fault({ method: "HEAD", delay: 1_000 });

    const put = await putManifest(router, "team/app", "1", manifestFor(hosted));

    expect([put.status, put.headers.warning, warnings]).toEqual([201, undefined, []]);
    await until(5_000, "the finding", () => warnings.length === 1);
    expect(counted(await router.handler.metrics.metrics())).toBe("1");
  });

  it("that hosted refuses is not reported", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger } });
    const { proxy, hosted, router } = sides;
    proxy.addImage("team/app", { tag: "1", layers: ["public"] });
    hosted.fault({ method: "PUT", status: 400, body: "no" });

    const put = await putManifest(router, "team/app", "1", manifestFor(hosted));

    expect([put.status, put.headers.warning]).toEqual([400, undefined]);
    expect([warnings, counted(await router.handler.metrics.metrics())]).toEqual([[], "0"]);
  });
});

describe("a push succeeds without a Warning", () => {
  it("if the proxy has the tag with the same digest, or does not have it", async () => {
    await using sides = await startSides({ router: denying });
    const { proxy, hosted, router } = sides;
    const manifest = manifestFor(hosted);
    proxy.addManifest("team/app", manifest, { tag: "same" });

    const same = await putManifest(router, "team/app", "same", manifest);
    const fresh = await putManifest(router, "team/app", "new", manifest);

    expect([same, fresh].map(({ status, headers }) => [status, headers.warning])).toEqual([
      [201, undefined],
      [201, undefined],
    ]);
    expect(asked(proxy, "HEAD")).toEqual(["team/app/manifests/same", "team/app/manifests/new"]);
  });

  it.each([
    ["by digest", {}, undefined],
    ["where shadows are allowed", { shadow: "allow" }, "1"],
    ["of what hosted owns", { shadow: "deny", owned: true }, "1"],
    ["by a rule without proxies", { shadow: "deny", pull: ["hosted"] }, "1"],
  ] as const)("and without a request to a proxy: %s", async (_, rule, tag) => {
    await using sides = await startSides({ router: { rules: [{ match: "**", shadow: "deny", ...rule }] } });
    const { proxy, hosted, router } = sides;
    proxy.addImage("team/app", { tag: "1", layers: ["public"] });
    const manifest = manifestFor(hosted);

    const put = await putManifest(router, "team/app", tag ?? digestOf(manifest), manifest);

    expect([put.status, put.headers.warning, proxy.requests]).toEqual([201, undefined, []]);
  });

  it("and without a request to a proxy whose `match` does not cover the name", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, match: "library/**" },
      rules: [{ match: "**", shadow: "deny" }],
    });

    const put = await putManifest(router, "team/app", "1", manifestFor(hosted));

    expect([put.status, proxy.requests]).toEqual([201, []]);
  });

  it("if the proxy fails and the rule refuses nothing", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger } });
    sides.proxy.fault({ status: 500 });

    const put = await putManifest(sides.router, "team/app", "1", manifestFor(sides.hosted));

    expect([put.status, put.headers.warning, warnings]).toEqual([201, undefined, []]);
  });
});

describe("with `shadow: deny`, when the proxy's digest cannot be found out", () => {
  it.each([
    ["the proxy fails", { status: 500 }, "answered 500"],
    ["the proxy hangs", { hang: true }, "timeout after 3000 ms"],
    ["the proxy names no digest", { status: 200, body: "{}" }, "answered 200 without a digest"],
    [
      "the proxy names a digest of another kind",
      { status: 200, headers: { "Docker-Content-Digest": `sha512:${"a".repeat(128)}` } },
      `it has sha512:${"a".repeat(128)} there`,
    ],
  ] as const)("since %s, the push succeeds with a Warning and a line in the log", async (_, fault, cause) => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { ...denying, logger, via: "router" } });
    sides.proxy.fault(fault);

    const put = await putManifest(sides.router, "team/app", "1", manifestFor(sides.hosted));

    const text = `could not check whether proxy has team/app:1 with another digest: ${cause}`;
    expect([put.status, put.headers.warning]).toEqual([201, `299 - "${text}"`]);
    expect(warnings).toEqual([{ message: text, upstream: "proxy", rule: "rules[1]" }]);
  });
});

describe("a push that `shadow: deny` may refuse", () => {
  it("reaches hosted only after the check", async () => {
    await using proxy = await startRegistry();
    proxy.fault({ method: "HEAD", delay: 200 });
    const order: string[] = [];
    const hosted = createServer((request, response) => {
      order.push(
        `${request.method} after ${proxy.requests.filter(({ status }) => status !== undefined).length}`,
      );
      request.resume();
      response.writeHead(201).end();
    });
    const port = await listen(hosted);
    await using router = await startRouter({
      hosted: `http://127.0.0.1:${port}`,
      proxy: proxy.url,
      ...denying,
    });

    const put = await putManifest(router, "team/app", "1", "{}");

    hosted.close();
    expect([put.status, order]).toEqual([201, ["PUT after 1"]]);
  });

  it("is also refused after a reload during the check", async () => {
    await using sides = await startSides({ router: denying });
    const { proxy, hosted, router } = sides;
    proxy.addImage("team/app", { tag: "1", layers: ["public"] });
    const slow = proxy.fault({ method: "HEAD", delay: 300 });
    const put = putManifest(router, "team/app", "1", manifestFor(hosted));
    await until(5_000, "the check", () => slow.hits === 1);

    router.handler.reload({ hosted: hosted.url, proxy: proxy.url });

    expect((await put).status).toBe(403);
  });
});
