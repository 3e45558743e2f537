import type { RuleConfig } from "@combined-registry/core";
import type { Fault } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../support/client.ts";
import { closedPort } from "../support/router.ts";
import { type Sides, type SidesOptions, startSides } from "../support/sides.ts";
import { until } from "../support/within.ts";

const impatient = { breaker: false, timeouts: { headers: 200 } } as const;
const hostedFirst: RuleConfig = { match: "**", shadow: "allow", pull: ["hosted", "proxy"] };
const tag = "/v2/team/app/manifests/1";

interface Lab extends Sides {
  readonly digest: string;
  readonly layer: string;
  /** Status, who answered, and which upstreams got a request. */
  ask(method: string, target: string): Promise<[status: number, by: string, heard: string[]]>;
}

/** Hosted and two proxies have `team/app:1`: hosted and `mirror` the same image, `hub` another one. */
async function startLab(rule: RuleConfig, { hosted, proxies, router }: SidesOptions = {}): Promise<Lab> {
  const sides = await startSides({
    proxies: { hub: impatient, mirror: impatient, ...proxies },
    hosted: { ...impatient, ...hosted },
    router: { rules: [rule], ...router },
  });
  const image = sides.hosted.addImage("team/app", { tag: "1", layers: ["private"] });
  sides.proxyNamed("mirror").addImage("team/app", { tag: "1", layers: ["private"] });
  sides.proxy.addImage("team/app", { tag: "1", layers: ["somebody else's"] });
  const registries = { hosted: sides.hosted, hub: sides.proxy, mirror: sides.proxyNamed("mirror") };
  return {
    ...sides,
    digest: image.digest,
    layer: image.layers[0]?.digest ?? "",
    async ask(method, target) {
      for (const registry of Object.values(registries)) {
        registry.clearRequests();
      }
      const { status, headers } = await fetchRaw(sides.router.url, target, { method });
      const by = String(headers["x-combined-registry"] ?? "router").split(";")[0] ?? "";
      const heard = Object.entries(registries).filter(([, { requests }]) => requests.length > 0);
      return [status, by, heard.map(([name]) => name)];
    },
  };
}

const failures: readonly (readonly [string, Fault, number])[] = [
  ["500", { status: 500 }, 502],
  ["501", { status: 501 }, 502],
  ["502", { status: 502 }, 502],
  ["503", { status: 503 }, 502],
  ["504", { status: 504 }, 502],
  ["408", { status: 408 }, 502],
  ["429", { status: 429, headers: { "Retry-After": "7" } }, 429],
  ["401, to the router's own credentials", { status: 401 }, 502],
  ["403, to the router's own credentials", { status: 403 }, 502],
  ["a reset", { reset: true }, 502],
  ["silence", { hang: true }, 504],
];
const methods = ["GET", "HEAD"] as const;

describe.each(methods)("%s of a tag with hosted first", (method) => {
  it.each(failures)("is the failure of hosted, and no proxy hears of it: %s", async (_, fault, status) => {
    await using lab = await startLab(hostedFirst);
    lab.hosted.fault(fault);

    expect(await lab.ask(method, tag)).toEqual([status, "router", ["hosted"]]);
  });

  it("is its failure if hosted cannot be reached", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    await using lab = await startLab(hostedFirst, { hosted: { url } });

    expect(await lab.ask(method, tag)).toEqual([502, "router", []]);
  });

  it("is a failure if the circuit of hosted is open", async () => {
    const breaker = { failures: 1, delay: 60_000, longestDelay: 60_000 };
    await using lab = await startLab(hostedFirst, { hosted: { ...impatient, breaker } });
    lab.hosted.fault({ reset: true });
    await lab.ask("GET", tag);

    expect(await lab.ask(method, tag)).toEqual([503, "router", []]);
  });

  it("is a failure if the queue of hosted is full", async () => {
    await using lab = await startLab(hostedFirst, {
      hosted: { breaker: false, timeouts: { headers: 20_000 }, lookups: { concurrent: 1, queued: 0 } },
    });
    lab.hosted.fault({ path: /other/, hang: true });
    const waiting = new AbortController();
    const first = fetch(`${lab.router.url}/v2/other/app/manifests/1`, { signal: waiting.signal }).catch(
      () => undefined,
    );
    await until(5_000, "hosted is asked", () => lab.hosted.requests.length > 0);

    expect(await lab.ask(method, tag)).toEqual([503, "router", []]);
    waiting.abort();
    await first;
  });

  it("goes to the proxies if hosted does not have it", async () => {
    await using lab = await startLab(hostedFirst);
    lab.proxy.addImage("public/app", { tag: "1" });

    expect(await lab.ask(method, "/v2/public/app/manifests/1")).toEqual([200, "hub", ["hosted", "hub"]]);
  });

  it("goes to the proxies if hosted says so with a 5xx", async () => {
    await using lab = await startLab(hostedFirst);
    lab.hosted.fault({ method: "GET", status: 500, body: { errors: [{ code: "MANIFEST_UNKNOWN" }] } });
    lab.hosted.fault({ method: "HEAD", status: 404 });

    expect(await lab.ask(method, tag)).toEqual([200, "hub", ["hosted", "hub"]]);
  });

  it.each([401, 403])("is hosted's own %d with passthrough", async (status) => {
    await using lab = await startLab(hostedFirst, { hosted: { ...impatient, auth: "passthrough" } });
    lab.hosted.fault({ status });

    expect(await lab.ask(method, tag)).toEqual([status, "hosted", ["hosted"]]);
  });

  it.each<[RuleConfig["onFailure"], [number, string, string[]]]>([
    ["continue", [200, "hub", ["hosted", "hub"]]],
    ["stop", [502, "router", ["hosted"]]],
  ])("obeys onFailure: %s", async (onFailure, expected) => {
    await using lab = await startLab({ ...hostedFirst, ...(onFailure && { onFailure }) });
    lab.hosted.fault({ status: 500 });

    expect(await lab.ask(method, tag)).toEqual(expected);
  });
});

describe.each(methods)("%s of a tag with hosted between two proxies", (method) => {
  const between: RuleConfig = { ...hostedFirst, pull: ["hub", "hosted", "mirror"] };

  it.each(failures)("goes on after a failed proxy: %s", async (_, fault) => {
    await using lab = await startLab(between);
    lab.proxy.fault(fault);

    expect(await lab.ask(method, tag)).toEqual([200, "hosted", ["hosted", "hub"]]);
  });

  it.each(failures)("goes no further than a failed hosted: %s", async (_, fault, status) => {
    await using lab = await startLab(between);
    lab.proxy.fault({ status: 404 });
    lab.hosted.fault(fault);

    expect(await lab.ask(method, tag)).toEqual([status, "router", ["hosted", "hub"]]);
  });
});

describe("a manifest of a tag that hosted breaks off", () => {
  it("is a failure, and not the proxy's", async () => {
    await using lab = await startLab(hostedFirst);
    lab.hosted.fault({ method: "GET", cutAt: 20 });

    expect(await lab.ask("GET", tag)).toEqual([502, "router", ["hosted"]]);
  });
});

describe.each(methods)("%s of a digest with hosted first", (method) => {
  it.each(failures)("goes on after a failed hosted: %s", async (_, fault) => {
    await using lab = await startLab(hostedFirst);
    lab.hosted.fault(fault);

    const manifest = await lab.ask(method, `/v2/team/app/manifests/${lab.digest}`);
    const blob = await lab.ask(method, `/v2/team/app/blobs/${lab.layer}`);

    expect([manifest, blob].map(([status, by]) => [status, by])).toEqual([
      [200, "mirror"],
      [200, "mirror"],
    ]);
  });

  it("stops with onFailure: stop", async () => {
    await using lab = await startLab({ ...hostedFirst, onFailure: "stop" });
    lab.hosted.fault({ status: 500 });

    expect(await lab.ask(method, `/v2/team/app/manifests/${lab.digest}`)).toEqual([
      502,
      "router",
      ["hosted"],
    ]);
  });
});

describe("explain", () => {
  it("says which failure ends the lookup, what a pull gets, and what to do", async () => {
    await using lab = await startLab(hostedFirst);
    lab.hosted.fault({ status: 500 });

    const { stopsAfterFailureOf, rule, pull, advice } = await lab.router.handler.explain("team/app:1");

    expect(stopsAfterFailureOf).toEqual(["hosted"]);
    expect(rule).not.toHaveProperty("onFailure");
    expect(pull).toEqual({
      status: 502,
      because: "hosted failed (answered 500), which ends the lookup before hub, mirror",
    });
    expect(advice.join("\n")).toContain("onFailure: continue");
    expect(errorOf(await fetchRaw(lab.router.url, tag)).message).toBe("hosted failed (answered 500)");
  });

  it.each<[string, Partial<RuleConfig>, (digest: string) => string, string[]]>([
    ["by digest", {}, (digest) => `team/app@${digest}`, []],
    ["with hosted last", { pull: ["proxy", "hosted"] }, () => "team/app:1", []],
    ["with hosted between", { pull: ["hub", "hosted", "mirror"] }, () => "team/app:1", ["hosted"]],
    ["with continue", { onFailure: "continue" }, () => "team/app:1", []],
    ["with stop", { onFailure: "stop" }, () => "team/app:1", ["hosted", "hub"]],
  ])("says it %s", async (_, rule, image, expected) => {
    await using lab = await startLab({ ...hostedFirst, ...rule });

    const explanation = await lab.router.handler.explain(image(lab.digest));

    expect(explanation.stopsAfterFailureOf).toEqual(expected);
    expect(explanation.rule.onFailure).toBe(rule.onFailure);
  });
});
