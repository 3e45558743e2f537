import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { within } from "../../support/within.ts";

describe("/healthcheck", () => {
  it("gives the status of each registry's /v2/, as the nginx router does, and its breaker state", async () => {
    await using sides = await startSides();

    const answer = await fetchRaw(sides.router.url, "/healthcheck");

    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({
      proxy: 200,
      hosted: 200,
      upstreams: [
        {
          name: "hosted",
          kind: "hosted",
          up: true,
          breaker: "closed",
          status: 200,
          latency: expect.any(Number),
        },
        {
          name: "proxy",
          kind: "proxy",
          up: true,
          breaker: "closed",
          status: 200,
          latency: expect.any(Number),
        },
      ],
    });
  });

  it("is 503 with the cause when one of them is down", async () => {
    await using sides = await startSides();
    await sides.proxy.close();

    const answer = await fetchRaw(sides.router.url, "/healthcheck");
    const ready = await fetchRaw(sides.router.url, "/readyz");

    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      proxy: 502,
      hosted: 200,
      upstreams: [{}, { up: false, cause: "connection refused" }],
    });
    expect(ready.status).toBe(200);
  });

  it("asks no proxy for /readyz", async () => {
    await using sides = await startSides();
    sides.proxy.fault({ hang: true });

    const ready = await within(4_000, "/readyz", fetchRaw(sides.router.url, "/readyz"));

    expect([ready.status, sides.proxy.requests]).toEqual([200, []]);
  });

  it("without hosted, /livez is 200 and /readyz is 503", async () => {
    await using sides = await startSides();
    await sides.hosted.close();

    const statuses = await Promise.all(
      ["/livez", "/readyz"].map(async (path) => (await fetchRaw(sides.router.url, path)).status),
    );

    expect(statuses).toEqual([200, 503]);
  });
});

describe("/v2/", () => {
  it("asks each upstream once for many clients at the same time", async () => {
    await using sides = await startSides();

    const statuses = await Promise.all(
      Array.from({ length: 50 }, async () => (await fetchRaw(sides.router.url, "/v2/")).status),
    );

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([sides.proxy.requests.length, sides.hosted.requests.length]).toEqual([1, 1]);
  });

  it.each([
    ["all", "proxy", 503],
    ["hosted", "proxy", 200],
    ["any", "proxy", 200],
    ["hosted", "hosted", 503],
    ["any", "hosted", 200],
  ] as const)("with base: %s and the %s down answers %i", async (base, away, status) => {
    await using sides = await startSides();
    await sides[away].close();
    await using router = await startRouter({ hosted: sides.hosted.url, proxy: sides.proxy.url, base });

    expect((await fetchRaw(router.url, "/v2/")).status).toBe(status);
  });

  it("redirects /v2 to /v2/ with its query", async () => {
    await using sides = await startSides();

    const answer = await fetchRaw(sides.router.url, "/v2?a=b");

    expect([answer.status, answer.headers.location]).toEqual([301, "/v2/?a=b"]);
  });
});

describe("/metrics", () => {
  it("counts requests, without labels for repository, tag or digest", async () => {
    await using sides = await startSides();
    const image = sides.hosted.addImage("secret-team/app", { tag: "secret-tag", layers: ["0123456789"] });
    await fetchRaw(sides.router.url, "/v2/secret-team/app/manifests/secret-tag");
    await fetchRaw(sides.router.url, `/v2/secret-team/app/blobs/${image.layers[0]?.digest}`);
    await fetchRaw(sides.router.url, "/v2/secret-team/none/manifests/x");
    await fetchRaw(sides.router.url, "/v2/", { method: "BREW" }).catch(() => undefined);

    const answer = await fetchRaw(sides.router.url, "/metrics");
    const text = answer.body.toString();

    expect(answer.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain(
      'combined_registry_http_requests_total{route="manifest",method="GET",status="200",upstream="hosted"} 1',
    );
    expect(text).toContain(
      'combined_registry_http_requests_total{route="manifest",method="GET",status="404",upstream="hosted"} 1',
    );
    expect(text).toContain(
      'combined_registry_upstream_requests_total{upstream="proxy",outcome="not_found"} 2',
    );
    expect(text).toContain('combined_registry_upstream_requests_total{upstream="hosted",outcome="found"} 2');
    expect(text).toContain('combined_registry_lookup_fallbacks_total{from="proxy",to="hosted"} 2');
    expect(text).toContain('combined_registry_location_hints_total{result="hit"} 1');
    expect(text).toContain('combined_registry_upstream_up{upstream="hosted"} 1');
    expect(text).toMatch(/combined_registry_bytes_total\{direction="down",upstream="hosted"\} [1-9]/);
    expect(text).toMatch(/combined_registry_build_info\{version="[^"]+",node="v[^"]+"\} 1/);
    expect(text).not.toMatch(/secret|sha256/);
  });
});
