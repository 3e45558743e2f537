import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { listAllPages } from "../../support/lists.ts";
import { startRouter } from "../../support/router.ts";

describe("tags/list", () => {
  it("is hosted's, or the first proxy's that knows the repository if hosted does not", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using hosted = await startRegistry();
    second.addImage("public", { tag: "p", layers: ["x"] });
    second.addImage("both", { tag: "p", layers: ["x"] });
    hosted.addImage("both", { tag: "h", layers: ["y"] });
    await using router = await startRouter({ hosted: hosted.url, proxy: [first.url, second.url] });

    const tagsOf = async (repository: string) =>
      JSON.parse((await fetchRaw(router.url, `/v2/${repository}/tags/list`)).body.toString()).tags;

    expect(await tagsOf("both")).toEqual(["h"]);
    expect(await tagsOf("public")).toEqual(["p"]);
    expect((await fetchRaw(router.url, "/v2/nobody/tags/list")).status).toBe(404);
  });

  it("continues a proxy's pages although hosted answers `last` with null tags, and Link stays relative", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    for (const tag of ["a", "b", "c"]) {
      proxy.addImage("public", { tag, layers: ["x"] });
    }
    hosted.fault({
      path: /last=/,
      status: 200,
      headers: { "Content-Type": "application/json" },
      body: '{"name":"public","tags":null}\n',
    });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const tags: string[] = [];
    let target = "/v2/public/tags/list?n=2";
    for (let page = 0; page < 5 && target !== ""; page++) {
      const answer = await fetchRaw(router.url, target);
      tags.push(...JSON.parse(answer.body.toString()).tags);
      target = /<(\/[^>]*)>; rel="next"/.exec(String(answer.headers.link))?.[1] ?? "";
    }

    expect(tags).toEqual(["a", "b", "c"]);
  });

  it("have Link headers with the client's name, although a proxy has the repository as library/...", async () => {
    await using hub = await startRegistry();
    await using hosted = await startRegistry();
    hub.addManifest("library/nginx", { schemaVersion: 2 }, { tags: ["1", "2", "3"] });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: hub.url, libraryPrefix: true },
    });

    const { names, answers } = await listAllPages(router.url, "/v2/nginx/tags/list?n=2", 3);

    expect(names).toEqual(["1", "2", "3"]);
    expect(answers[0]?.headers.link).toBe('</v2/nginx/tags/list?last=2&n=2>; rel="next"');
  });

  it("is no proxy's list while hosted fails", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    proxy.addImage("public", { tag: "p", layers: ["x"] });
    hosted.fault({ status: 500 });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, "/v2/public/tags/list");

    expect([answer.status, errorOf(answer).code]).toEqual([502, "UPSTREAM_FAILED"]);
    expect(proxy.requests).toEqual([]);
  });

  it("is an error after a proxy's failure with onFailure: stop", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using hosted = await startRegistry();
    second.addImage("public", { tag: "another's", layers: ["x"] });
    first.fault({ status: 500 });
    const registries = { hosted: hosted.url, proxy: [first.url, second.url] };
    await using stopping = await startRouter({ ...registries, rules: [{ match: "**", onFailure: "stop" }] });
    await using going = await startRouter(registries);

    const stopped = await fetchRaw(stopping.url, "/v2/public/tags/list");
    expect([stopped.status, errorOf(stopped).code]).toEqual([502, "UPSTREAM_FAILED"]);
    expect(second.requests).toEqual([]);
    expect((await fetchRaw(going.url, "/v2/public/tags/list")).status).toBe(200);
  });

  it("is hosted's alone with lists: hosted", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    proxy.addImage("public", { tag: "p", layers: ["x"] });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "hosted" });

    expect((await fetchRaw(router.url, "/v2/public/tags/list")).status).toBe(404);
    expect(proxy.requests).toEqual([]);
  });
});

describe("_catalog", () => {
  it("is hosted's", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    proxy.addImage("public", { tag: "p", layers: ["x"] });
    hosted.addImage("private", { tag: "p", layers: ["x"] });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    expect(JSON.parse((await fetchRaw(router.url, "/v2/_catalog")).body.toString())).toEqual({
      repositories: ["private"],
    });
  });
});
