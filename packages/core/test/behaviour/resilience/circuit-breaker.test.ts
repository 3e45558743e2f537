import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { describe, expect, it } from "@jest/globals";
import {
  lasting,
  openBreaker,
  privateTag,
  publicTag,
  pullUntil,
  quick,
  startWithImages,
  stateOf,
} from "../../support/breaker.ts";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { until, within } from "../../support/within.ts";

describe("an upstream that keeps failing", () => {
  it.each([
    ["resets connections", { reset: true }],
    ["never answers", { hang: true }],
    ["is a gateway with nothing behind it", { status: 502 }],
    ["is unavailable", { status: 503 }],
  ] as const)("opens its breaker when it %s", async (_, fault) => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    proxy.fault(fault);
    await openBreaker(router);
    proxy.clearRequests();

    const answer = await fetchRaw(router.url, privateTag);

    expect([answer.status, answer.headers["x-combined-registry"]]).toEqual([
      200,
      "hosted; found; proxy failed (circuit open)",
    ]);
    expect(proxy.requests).toEqual([]);
  });

  it.each([
    ["any other error, which is a response", { status: 500 }],
    ["a rate limit, which is temporary", { status: 429 }],
    ["a not found, with any status", { status: 403 }],
  ] as const)("does not open its breaker for %s", async (_, fault) => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    proxy.fault(fault);
    for (let pull = 0; pull < 5; pull++) {
      await fetchRaw(router.url, privateTag);
    }
    proxy.clearFaults();

    expect(await stateOf(router)).toBe("closed");
    expect((await fetchRaw(router.url, publicTag)).status).toBe(200);
  });

  it("is still asked while failures are not consecutive", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    for (let round = 0; round < 3; round++) {
      proxy.fault({ reset: true, times: 2 });
      await fetchRaw(router.url, privateTag);
      await fetchRaw(router.url, privateTag);
      await fetchRaw(router.url, publicTag);
    }

    expect(await stateOf(router)).toBe("closed");
  });

  it("opens its breaker after timeouts with successes in between, as of a cache whose public registry hangs", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    proxy.fault({ path: /acme/, hang: true });
    for (const name of ["acme/one", "acme/two", "acme/three"]) {
      await fetchRaw(router.url, `/v2/${name}/manifests/1.0`);
      expect((await fetchRaw(router.url, publicTag)).status).toBe(200);
    }

    expect(await stateOf(router)).toBe("open");
  });

  it("may have its breaker switched off", async () => {
    await using sides = await startWithImages({ proxies: { proxy: { breaker: false } } });
    const { proxy, router } = sides;
    proxy.fault({ status: 503 });
    for (let pull = 0; pull < 10; pull++) {
      await fetchRaw(router.url, privateTag);
    }

    expect(proxy.requests).toHaveLength(10);
    expect(await stateOf(router)).toBe("closed");
  });
});

describe("content of an upstream whose circuit is open", () => {
  it("is answered 503 with Retry-After and the reason at once", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    proxy.fault({ reset: true });
    await openBreaker(router);
    proxy.clearRequests();

    const answer = await fetchRaw(router.url, publicTag);

    expect([answer.status, errorOf(answer).code]).toEqual([503, "UNAVAILABLE"]);
    expect(errorOf(answer).message).toBe("proxy failed (circuit open), hosted not found");
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(Number(answer.headers["retry-after"])).toBeLessThanOrEqual(60);
    expect(proxy.requests).toEqual([]);
  });

  it("is 404 with a Warning for HEAD by digest, as pushing clients give up on anything else", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    proxy.fault({ reset: true });
    await openBreaker(router);

    const digest = proxy.addBlob("library/tool", "a layer").digest;
    const layer = await fetchRaw(router.url, `/v2/library/tool/blobs/${digest}`, { method: "HEAD" });
    const tag = await fetchRaw(router.url, publicTag, { method: "HEAD" });

    expect([layer.status, layer.headers.warning]).toEqual([404, expect.stringContaining("circuit open")]);
    expect([tag.status, tag.headers.warning]).toEqual([503, undefined]);
  });

  it.each(["GET", "HEAD"])(
    "is still served by %s if the breaker opened after timeouts and the content is cached there",
    async (method) => {
      await using sides = await startWithImages({ proxies: { proxy: lasting } });
      const { proxy, router } = sides;
      proxy.fault({ path: /acme/, hang: true });
      await openBreaker(router);

      const answer = await fetchRaw(router.url, publicTag, { method });

      expect([answer.status, answer.headers["x-combined-registry"]]).toEqual([
        200,
        "proxy; found; hosted not found",
      ]);
      expect(await stateOf(router)).toBe("open");
    },
  );

  it("does not keep its client waiting long if the upstream does not answer", async () => {
    await using sides = await startWithImages({
      proxies: { proxy: { ...lasting, timeouts: { headers: 30_000 } } },
    });
    const { proxy, router } = sides;
    const hanging = proxy.fault({ hang: true });
    // Each of these would take the full 30 s.
    const pulls = [1, 2, 3].map((client) => fetchRaw(router.url, `${privateTag}?client=${client}`));
    const failed = expect(Promise.all(pulls)).rejects.toThrow();
    await until(5_000, "three pulls to hang", () => hanging.hits === 3);
    router.handler.reload({
      hosted: sides.hosted.url,
      proxy: { url: proxy.url, ...lasting, timeouts: { headers: 100 } },
    });
    await openBreaker(router);

    expect((await fetchRaw(router.url, publicTag)).status).toBe(503);
    await sides[Symbol.asyncDispose]();
    await failed;
  });
});

describe("an upstream whose circuit is open", () => {
  it("is asked again after a half-open probe in the background repeats a failed request with success", async () => {
    await using sides = await startWithImages();
    const { proxy, router } = sides;
    proxy.fault({ hang: true });
    await openBreaker(router);
    proxy.clearFaults();
    proxy.clearRequests();

    await pullUntil(router, "the proxy to be asked again", () => {
      return proxy.requests.length > 0;
    });
    const [probe] = proxy.requests;
    await pullUntil(router, "the proxy to be asked again", async () => (await stateOf(router)) === "closed");

    expect([probe?.method, probe?.path]).toEqual(["GET", privateTag]);
    expect((await fetchRaw(router.url, publicTag)).status).toBe(200);
  });

  it("closes its breaker after any successful request, although one keeps failing", async () => {
    await using sides = await startWithImages();
    const { proxy, router } = sides;
    proxy.fault({ path: privateTag, status: 502 });
    await openBreaker(router);

    await until(
      5_000,
      "the public image to be served",
      async () => (await fetchRaw(router.url, publicTag)).status === 200,
    );
  });

  it("delays no client by a probe if another upstream can serve it", async () => {
    await using sides = await startWithImages({
      proxies: { proxy: { ...quick, timeouts: { headers: 10_000 } } },
    });
    const { proxy, router, hosted } = sides;
    proxy.fault({ reset: true });
    await openBreaker(router);
    proxy.clearFaults();
    const hanging = proxy.fault({ hang: true });
    await pullUntil(router, "a probe to start", () => {
      return hanging.hits === 1;
    });
    hosted.clearRequests();

    const answers = await Promise.all(Array.from({ length: 20 }, () => fetchRaw(router.url, privateTag)));

    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(hanging.hits).toBe(1);
    expect(await stateOf(router)).toBe("half-open");
  });

  it("serves a client that waits for the probe which closes the breaker", async () => {
    await using sides = await startWithImages();
    const { proxy, router } = sides;
    proxy.fault({ reset: true });
    await openBreaker(router);
    proxy.clearFaults();
    const slow = proxy.fault({ path: privateTag, delay: 100 });
    await pullUntil(router, "a probe to start", () => {
      return slow.hits === 1;
    });

    expect((await fetchRaw(router.url, publicTag)).status).toBe(200);
  });

  it("is probed less and less often while probes fail", async () => {
    await using sides = await startWithImages({
      proxies: {
        proxy: {
          ...quick,
          breaker: { failures: 3, delay: 40, longestDelay: 160 },
        },
      },
    });
    const { proxy, router } = sides;
    proxy.fault({ reset: true });
    const begun = performance.now();
    await openBreaker(router);
    const times: number[] = [];
    const seen = () => proxy.requests.length;
    let before = seen();
    await pullUntil(router, "five probes", () => {
      if (seen() > before) {
        before = seen();
        times.push(performance.now());
      }
      return times.length === 5;
    });

    // The test sees a probe after it happened, never before, and starts to count after the start.
    const soonest = [40, 40 + 80, 40 + 80 + 160, 40 + 80 + 2 * 160, 40 + 80 + 3 * 160];
    expect(times.map((time, index) => time - begun >= (soonest[index] ?? 0) - 10)).toEqual(
      soonest.map(() => true),
    );
  });

  it("is probed with a failed request and closes its breaker where /healthcheck is the only request", async () => {
    await using sides = await startWithImages();
    const { proxy, router } = sides;
    proxy.fault({ path: /acme/, reset: true });
    await openBreaker(router);
    proxy.clearFaults();
    proxy.clearRequests();

    await until(
      5_000,
      "/healthcheck to find it back",
      async () => (await fetchRaw(router.url, "/healthcheck")).status === 200,
    );

    const probes = proxy.requests.filter(({ path }) => path !== "/v2/");
    expect(probes.map(({ method, path }) => [method, path])).toEqual([["GET", privateTag]]);
  });

  it("is shown in /healthcheck and in metrics", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    expect(await router.handler.metrics.metrics()).toContain('breaker_state{upstream="proxy"} 0');
    proxy.fault({ path: /acme/, reset: true });
    await openBreaker(router);

    const health = await fetchRaw(router.url, "/healthcheck");
    const ready = await fetchRaw(router.url, "/readyz");

    expect([health.status, ready.status]).toEqual([503, 200]);
    expect(JSON.parse(health.body.toString())).toMatchObject({
      proxy: 200,
      upstreams: [
        { name: "hosted", up: true, breaker: "closed" },
        { name: "proxy", up: false, status: 200, breaker: "open" },
      ],
    });
    expect(await router.handler.metrics.metrics()).toContain('breaker_state{upstream="proxy"} 2');
  });
});

describe("hosted that keeps failing", () => {
  it("gets no pulls and pushes, and gets them again after its breaker closes", async () => {
    await using sides = await startWithImages({ router: { lists: "hosted" } });
    const { hosted, proxy, router } = sides;
    router.handler.reload({
      hosted: { url: hosted.url, breaker: { failures: 3, delay: 100, longestDelay: 100 } },
      proxy: proxy.url,
    });
    const body = Buffer.from("{}");
    hosted.fault({ method: ["GET", "PUT", "POST"], path: /acme/, reset: true });
    for (let push = 0; push < 3; push++) {
      await fetchRaw(router.url, "/v2/acme/app/blobs/uploads/", { method: "POST" });
    }
    hosted.clearRequests();

    const refused = await fetchRaw(router.url, "/v2/acme/app/manifests/2.0", { method: "PUT", body });
    expect([refused.status, errorOf(refused).code, refused.headers["retry-after"]]).toEqual([
      503,
      "UNAVAILABLE",
      "1",
    ]);
    hosted.clearFaults();

    await pullUntil(router, "hosted to be tried", () => {
      return hosted.requests.some(({ status }) => status === 200);
    });
    await pullUntil(
      router,
      "hosted to be asked again",
      async () => (await stateOf(router, "hosted")) === "closed",
    );
    const pushed = await fetchRaw(router.url, "/v2/acme/app/blobs/uploads/", { method: "POST" });
    expect(pushed.status).toBe(202);
  });
});

describe("a hosted registry whose circuit is open", () => {
  it("leaves the router ready while its /v2/ answers: only requests close the breaker", async () => {
    await using sides = await startWithImages();
    const { hosted, proxy, router } = sides;
    router.handler.reload({ hosted: { url: hosted.url, ...lasting }, proxy: proxy.url });
    hosted.fault({ path: /acme/, reset: true });
    await openBreaker(router, 3, "hosted");

    expect((await fetchRaw(router.url, "/readyz")).status).toBe(200);
    expect((await fetchRaw(router.url, "/healthcheck")).status).toBe(503);
  });
});

describe("too many lookups at one upstream", () => {
  it("wait in a queue; with a full queue the next upstream is asked, or the response is 503", async () => {
    await using sides = await startWithImages({
      proxies: {
        proxy: {
          lookups: { concurrent: 2, queued: 1 },
          timeouts: { headers: 20_000 },
        },
      },
    });
    const { proxy, router } = sides;
    const slow = proxy.fault({ path: new RegExp(publicTag), delay: 400 });
    // Each of them for something else: the same would be asked once.
    const asked = [1, 2, 3].map((client) => fetchRaw(router.url, `${publicTag}?client=${client}`));
    await until(5_000, "two lookups to be under way", () => slow.hits === 2);
    // The third has been read off its connection before these are.
    const queued = async () => (await fetchRaw(router.url, privateTag)).headers["x-combined-registry"];
    await until(5_000, "the queue to be full", () => proxy.requests.length === 2);

    const beyond = await queued();
    const nowhere = await fetchRaw(router.url, publicTag);

    expect(beyond).toBe("hosted; found; proxy failed (queue full)");
    expect([nowhere.status, nowhere.headers["retry-after"]]).toEqual([503, "1"]);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it("a client that leaves the queue does not delay those behind it", async () => {
    await using sides = await startWithImages({
      proxies: {
        proxy: {
          lookups: { concurrent: 1, queued: 5 },
          timeouts: { headers: 20_000 },
        },
      },
    });
    const { proxy, router } = sides;
    const slow = proxy.fault({ path: new RegExp(publicTag), delay: 200, times: 1 });
    const first = fetchRaw(router.url, `${publicTag}?client=1`);
    await until(5_000, "the first lookup to be under way", () => slow.hits === 1);
    const controller = new AbortController();
    const leaver = fetch(`${router.url}${publicTag}?client=2`, { signal: controller.signal }).catch(
      () => "left",
    );
    const last = fetchRaw(router.url, `${publicTag}?client=3`);
    controller.abort();

    expect(await leaver).toBe("left");
    expect([(await first).status, (await last).status]).toEqual([200, 200]);
  });

  it("a client that leaves the queue gives its place back at once", async () => {
    const ended: unknown[] = [];
    const ignore = () => undefined;
    await using sides = await startWithImages({
      proxies: { proxy: { lookups: { concurrent: 1, queued: 1 }, timeouts: { headers: 20_000 } } },
      router: {
        logger: { debug: ignore, warn: ignore, error: ignore, info: (fields) => void ended.push(fields) },
      },
    });
    const { proxy, router } = sides;
    const slow = proxy.fault({ path: new RegExp(publicTag), hang: true, times: 1 });
    const ask = (client: number) => {
      const asked = httpRequest(`${router.url}${publicTag}?client=${client}`, { agent: false });
      asked.on("error", ignore).end();
      return asked;
    };
    const first = ask(1);
    await until(5_000, "the first lookup to be under way", () => slow.hits === 1);
    const leaver = ask(2);
    // Written before the next request connects, so that it is the one that waits.
    await once(leaver, "finish");
    expect((await fetchRaw(router.url, privateTag)).headers["x-combined-registry"]).toContain("queue full");
    const answered = ended.length;
    leaver.destroy();
    await until(5_000, "the router to notice that the client has left", () => ended.length > answered);

    const next = ask(3);
    const response = once(next, "response");
    await once(next, "finish");
    expect((await fetchRaw(router.url, privateTag)).headers["x-combined-registry"]).toContain("queue full");
    first.destroy();
    const [{ statusCode }] = await within(10_000, "the next client to be served", response);

    expect(statusCode).toBe(200);
    next.destroy();
  });
});
