import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { keptWarnings } from "../../support/logged.ts";
import { type RunningRouter, startRouter } from "../../support/router.ts";
import { type Sides, startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

/** A pull by tag, and the tag's address at upstreams. */
const addressOf = (image: string) => `/v2/${image.replace(":", "/manifests/")}`;

function pull({ url }: RunningRouter, image: string, method = "GET", accept = "*/*") {
  return fetchRaw(url, addressOf(image), { method, headers: { Accept: accept } });
}

/** Puts a tag into both, with different digests unless told otherwise. */
function addToBoth(
  { proxy, hosted }: Pick<Sides, "proxy" | "hosted">,
  image: string,
  layers = ["public", "private"],
) {
  const [repository = "", tag = ""] = image.split(":");
  const [there = "", here = ""] = layers;
  return {
    proxy: proxy.addImage(repository, { tag, layers: [there] }).digest,
    hosted: hosted.addImage(repository, { tag, layers: [here] }).digest,
  };
}

function askedFor({ requests }: TestRegistry, image: string) {
  return requests.filter(({ path }) => path === addressOf(image));
}

function checked(registry: TestRegistry, image: string): Promise<void> {
  return until(5_000, `a check of ${image}`, () =>
    askedFor(registry, image).some(({ method, status }) => method === "HEAD" && status !== undefined),
  );
}

async function shadowed({ handler }: RunningRouter, upstream = "proxy"): Promise<number> {
  const text = await handler.metrics.metrics();
  return Number(new RegExp(`shadowed_tags_total\\{upstream="${upstream}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
}

describe("a tag that hosted and a proxy have with different digests", () => {
  it.each(["GET", "HEAD"])("is counted and logged after %s of it from a proxy", async (method) => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger } });
    const digests = addToBoth(sides, "team/app:1");

    const answer = await pull(sides.router, "team/app:1", method);

    expect([answer.status, answer.headers["docker-content-digest"]]).toEqual([200, digests.proxy]);
    await until(5_000, "the finding", async () => (await shadowed(sides.router)) === 1);
    expect(warnings).toEqual([
      {
        message: "hosted and a proxy have the same tag with different digests",
        repository: "team/app",
        tag: "1",
        rule: "the default rule",
        hosted: { upstream: "hosted", digest: digests.hosted },
        proxy: { upstream: "proxy", digest: digests.proxy },
      },
    ]);
  });

  it("is detected when hosted serves it too, at each proxy that the rule names and that was not asked before", async () => {
    await using hosted = await startRegistry();
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using third = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [
        { name: "first", url: first.url },
        { name: "second", url: second.url },
        { name: "third", url: third.url },
      ],
      rules: [{ match: "team/**", pull: ["first", "hosted", "second"] }],
    });
    for (const [registry, layer] of [
      [hosted, "private"],
      [second, "public"],
      [third, "public"],
    ] as const) {
      registry.addImage("team/app", { tag: "1", layers: [layer] });
    }

    await pull(router, "team/app:1");

    await until(5_000, "the finding", async () => (await shadowed(router, "second")) === 1);
    expect(askedFor(first, "team/app:1").map(({ method }) => method)).toEqual(["GET"]);
    expect([await shadowed(router, "first"), third.requests]).toEqual([0, []]);
  });

  it("is counted and logged once, though it is detected in several ways", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger } });
    const { router, hosted } = sides;
    addToBoth(sides, "team/app:1");
    await pull(router, "team/app:1");
    await until(5_000, "the finding", async () => (await shadowed(router)) === 1);
    const manifest = hosted.manifest("team/app", "1") ?? "";

    await fetchRaw(router.url, addressOf("team/app:1"), { method: "PUT", body: manifest });

    expect([await shadowed(router), warnings.length]).toEqual([1, 1]);
  });
});

describe("a check", () => {
  it("sends the client's Accept, and no other header of the client", async () => {
    await using sides = await startSides();
    addToBoth(sides, "team/app:1");
    const accept = ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"];

    await fetchRaw(sides.router.url, addressOf("team/app:1"), {
      headers: { Accept: accept, Authorization: "Basic YTpi", Cookie: "a=b", "User-Agent": "docker/1" },
    });

    await checked(sides.hosted, "team/app:1");
    const [asked] = askedFor(sides.hosted, "team/app:1");
    expect(asked?.method).toBe("HEAD");
    expect(Object.keys(asked?.headers ?? {}).sort()).toEqual([
      "accept",
      "accept-encoding",
      "connection",
      "host",
      "user-agent",
      "via",
    ]);
    expect(asked?.headers.accept).toBe(accept.join(", "));
  });

  it("that finds the same digest, or no such tag, is not logged", async () => {
    const { logger, warnings } = keptWarnings();
    await using sides = await startSides({ router: { logger } });
    addToBoth(sides, "team/app:same", ["one", "one"]);
    sides.proxy.addImage("team/app", { tag: "alone", layers: ["one"] });
    for (const image of ["team/app:same", "team/app:alone"]) {
      await pull(sides.router, image);
      await checked(sides.hosted, image);
    }
    addToBoth(sides, "team/app:other");
    await pull(sides.router, "team/app:other");

    await until(5_000, "the only finding", () => warnings.length > 0);
    expect(warnings).toMatchObject([{ tag: "other" }]);
    expect(await shadowed(sides.router)).toBe(1);
  });

  it("is made once for each tag, however often it is pulled", async () => {
    await using sides = await startSides();
    addToBoth(sides, "team/app:1");
    addToBoth(sides, "team/app:2");
    await Promise.all(Array.from({ length: 8 }, () => pull(sides.router, "team/app:1")));
    await checked(sides.hosted, "team/app:1");
    await pull(sides.router, "team/app:1");

    await pull(sides.router, "team/app:2");

    await checked(sides.hosted, "team/app:2");
    expect(sides.hosted.requests.map(({ method, path }) => [method, path])).toEqual([
      ["HEAD", addressOf("team/app:1")],
      ["HEAD", addressOf("team/app:2")],
    ]);
  });

  it("leaves its slot to the next one", async () => {
    await using sides = await startSides();
    for (const tag of ["1", "2", "3", "4", "5", "6"]) {
      addToBoth(sides, `team/app:${tag}`);
      await pull(sides.router, `team/app:${tag}`);
      await checked(sides.hosted, `team/app:${tag}`);
      await until(5_000, "the finding", async () => (await shadowed(sides.router)) === Number(tag));
    }

    expect(sides.hosted.requests).toHaveLength(6);
  });

  it("and its result are kept across a reload", async () => {
    await using sides = await startSides();
    const { router, hosted, proxy } = sides;
    addToBoth(sides, "team/app:1");
    addToBoth(sides, "team/app:2");
    await pull(router, "team/app:1");
    await until(5_000, "the finding", async () => (await shadowed(router)) === 1);

    router.handler.reload({ hosted: hosted.url, proxy: proxy.url });
    await pull(router, "team/app:1");

    await pull(router, "team/app:2");
    await until(5_000, "the other finding", async () => (await shadowed(router)) === 2);
    expect(askedFor(hosted, "team/app:1")).toHaveLength(1);
  });

  it("keeps no client waiting, and at most four hang at the same time", async () => {
    await using sides = await startSides();
    const hanging = sides.hosted.fault({ method: "HEAD", hang: true });
    const tags = ["1", "2", "3", "4", "5", "6"];
    for (const tag of tags) {
      addToBoth(sides, `team/app:${tag}`);
    }

    const answers = await Promise.all(tags.map((tag) => pull(sides.router, `team/app:${tag}`)));

    expect(answers.map(({ status, complete }) => [status, complete])).toEqual(tags.map(() => [200, true]));
    await until(5_000, "the checks", () => hanging.hits === 4);
    // What else is asked of hosted comes after whatever a check would have asked.
    await fetchRaw(sides.router.url, "/v2/team/app/tags/list");
    expect(hanging.hits).toBe(4);
  });

  it("is aborted on close: the next upstream is not asked", async () => {
    await using hosted = await startRegistry();
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [
        { name: "first", url: first.url },
        { name: "second", url: second.url },
      ],
      rules: [{ match: "**", pull: ["hosted", "proxy"] }],
    });
    const hanging = first.fault({ method: "HEAD", hang: true });
    hosted.addImage("team/app", { tag: "1", layers: ["private"] });
    await pull(router, "team/app:1");
    await until(5_000, "the check", () => hanging.hits === 1);

    await router.handler.close();

    await until(5_000, "its end", () => first.openResponses === 0);
    await fetchRaw(second.url, "/v2/");
    expect(second.requests.map(({ path }) => path)).toEqual(["/v2/"]);
  });

  it("is aborted on a reload, even at an unchanged upstream", async () => {
    await using sides = await startSides();
    const { router, hosted, proxy } = sides;
    const hanging = hosted.fault({ method: "HEAD", hang: true });
    addToBoth(sides, "team/app:1");
    await pull(router, "team/app:1");
    await until(5_000, "the check", () => hanging.hits === 1);

    router.handler.reload({ hosted: hosted.url, proxy: proxy.url });

    await until(5_000, "its end", () => hosted.openResponses === 0);
  });

  it("asks no upstream whose circuit is open, and is made when the circuit has closed", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, breaker: { failures: 1, delay: 50, longestDelay: 50 } },
      rules: [{ match: "**", pull: ["hosted", "proxy"] }],
    });
    hosted.addImage("team/app", { tag: "1", layers: ["private"] });
    const broken = proxy.fault({ status: 503 });
    await pull(router, "team/none:1");

    expect((await pull(router, "team/app:1")).status).toBe(200);

    broken.remove();
    await until(5_000, "the proxy to be back", async () => {
      const { upstreams } = await router.handler.health();
      return upstreams.every(({ breaker }) => breaker === "closed");
    });
    expect(askedFor(proxy, "team/app:1")).toEqual([]);
    await pull(router, "team/app:1");
    await checked(proxy, "team/app:1");
  });
});

describe("no check is made", () => {
  const ruled = [
    { match: "open/**", shadow: "allow" as const },
    { match: "owned/**", owned: true, pull: ["hosted", "proxy"] },
    { match: "private/**", pull: ["hosted"] },
    { match: "public/**", pull: ["proxy"] },
  ];

  it.each([
    ["where the rule allows shadows", "open/app:1", "hosted"],
    ["by a rule without hosted", "public/app:1", "hosted"],
    ["of what hosted owns", "owned/app:1", "proxy"],
    ["by a rule without proxies", "private/app:1", "proxy"],
  ] as const)("%s", async (_, image, side) => {
    await using sides = await startSides({ router: { rules: [...ruled, { match: "**" }] } });
    addToBoth(sides, image);
    addToBoth(sides, "team/app:1");

    expect((await pull(sides.router, image)).status).toBe(200);

    await pull(sides.router, "team/app:1");
    await checked(sides.hosted, "team/app:1");
    expect(askedFor(sides[side], image)).toEqual([]);
  });

  it("for a manifest by digest, a 304, or a response without a digest", async () => {
    await using sides = await startSides();
    const { proxy } = addToBoth(sides, "team/app:1");
    addToBoth(sides, "team/app:2");
    const { url } = sides.router;
    await fetchRaw(url, `/v2/team/app/manifests/${proxy}`);
    await fetchRaw(url, addressOf("team/app:1"), { headers: { "If-None-Match": `"${proxy}"` } });
    sides.proxy.fault({ path: /none$/, status: 200, body: '{"layers":[]}' });
    expect((await fetchRaw(url, addressOf("team/app:none"))).status).toBe(200);

    await pull(sides.router, "team/app:2");

    await checked(sides.hosted, "team/app:2");
    expect(sides.hosted.requests.map(({ path }) => path)).toEqual([addressOf("team/app:2")]);
  });

  it("at a hosted registry with auth passthrough", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
      rules: [{ match: "first/**", pull: ["hosted", "proxy"] }, { match: "**" }],
    });
    addToBoth({ proxy, hosted }, "team/app:1");
    addToBoth({ proxy, hosted }, "first/app:1");
    await pull(router, "team/app:1");

    await pull(router, "first/app:1");

    await checked(proxy, "first/app:1");
    expect(askedFor(hosted, "team/app:1")).toEqual([]);
  });
});
