import { readFileSync } from "node:fs";
import {
  type CheckReport,
  type CombinedRegistryConfig,
  createCombinedRegistryHandler,
  type Finding,
} from "@combined-registry/core";
import { type RegistryOptions, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { proxy as proxyFindings } from "../../src/inspect/findings/hosted.ts";
import { closedPort, startRouter } from "../support/router.ts";
import { within } from "../support/within.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
const cert = fixture("test-only.cert.pem");
const key = fixture("test-only.key.pem");
const user = { username: "router", password: "hunter2-right" };
const hour = 3_600_000;

/** What a check finds, as a program sees it. */
async function checkOf(config: CombinedRegistryConfig): Promise<CheckReport> {
  const handler = createCombinedRegistryHandler(config);
  try {
    return await within(10_000, "the check", handler.check());
  } finally {
    await handler.close();
  }
}

/** A hosted registry and a cache, checked after `arrange`. */
async function checkPair(
  options: { hosted?: RegistryOptions; proxy?: RegistryOptions },
  configure: (urls: { hosted: string; proxy: string }) => Partial<CombinedRegistryConfig> = () => ({}),
  arrange: (pair: { hosted: TestRegistry; proxy: TestRegistry }) => void = () => undefined,
): Promise<CheckReport & { readonly hosted: TestRegistry; readonly proxy: TestRegistry }> {
  await using hub = await startRegistry();
  await using hosted = await startRegistry(options.hosted);
  await using proxy = await startRegistry({ upstream: hub.url, ...options.proxy });
  const urls = { hosted: hosted.url, proxy: proxy.url };
  arrange({ hosted, proxy });
  return { ...(await checkOf({ ...urls, ...configure(urls) })), hosted, proxy };
}

const found = ({ findings }: Pick<CheckReport, "findings">, where: string) =>
  findings.filter((one) => one.where === where).map(({ id, severity }) => `${severity} ${id}`);
const byId = ({ findings }: Pick<CheckReport, "findings">, id: string): Finding | undefined =>
  findings.find((one) => one.id === id);

describe("check", () => {
  it("finds nothing wrong with a hosted registry and a cache, and says what they are", async () => {
    const report = await checkPair({});

    expect(report.ok).toBe(true);
    expect(report.upstreams).toMatchObject([
      {
        name: "hosted",
        kind: "hosted",
        url: report.hosted.url,
        reachable: true,
        status: 200,
        deletes: true,
        referrers: true,
      },
      { name: "proxy", kind: "proxy", reachable: true, product: "CNCF distribution", cache: true },
    ]);
    expect(found(report, "hosted")).toEqual(["ok reachable", "ok deletes", "ok referrers", "ok clock"]);
    expect(found(report, "proxy")).toEqual(["ok reachable", "ok cache", "ok clock"]);
  });

  it("writes nothing: it reads, and asks hosted alone to delete a manifest that cannot exist", async () => {
    const { hosted, proxy } = await checkPair({});
    const nothing = `/v2/combined-registry-check/nothing/manifests/sha256:${"0".repeat(64)}`;

    expect(proxy.requests.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
    expect(hosted.requests.filter(({ method }) => method !== "GET" && method !== "HEAD")).toMatchObject([
      { method: "DELETE", path: nothing },
    ]);
    expect(hosted.requests.every(({ bodyBytes }) => bodyBytes === 0)).toBe(true);
  });

  it("sends a proxy no name that the rules keep from it", async () => {
    const { proxy, ok } = await checkPair({}, () => ({ rules: [{ match: "**", pull: ["hosted"] }] }));

    expect(ok).toBe(true);
    expect(new Set(proxy.requests.map(({ path }) => path))).toEqual(
      new Set(["/v2/", "/v2/_oci/ext/discover"]),
    );
  });

  it("ends in bounded time when nothing answers", async () => {
    const timeouts = { ping: 150 };
    const report = await checkPair(
      {},
      ({ hosted, proxy }) => ({ hosted: { url: hosted, timeouts }, proxy: { url: proxy, timeouts } }),
      ({ hosted, proxy }) => {
        hosted.fault({ hang: true });
        proxy.fault({ stallAt: 0 });
      },
    );

    expect(found(report, "hosted")).toEqual(["error timeout"]);
    expect(report.ok).toBe(false);
  });

  it("names options with their index in a list", async () => {
    const report = await checkPair({}, ({ proxy }) => ({
      proxy: [
        { name: "a", url: proxy },
        { name: "b", url: proxy },
      ],
    }));

    expect(byId(report, "same-registry")).toMatchObject({ severity: "error", where: "proxy[1].url" });
  });
});

describe("an upstream that cannot be used is reported with its cause:", () => {
  const hostedAt = async (hosted: CombinedRegistryConfig["hosted"]) => {
    await using proxy = await startRegistry();
    return checkOf({ hosted, proxy: proxy.url });
  };

  it("refused", async () => {
    const report = await hostedAt(`http://127.0.0.1:${await closedPort()}`);

    expect(report.ok).toBe(false);
    expect(report.upstreams[0]).toMatchObject({ reachable: false, product: "unknown" });
    expect(byId(report, "refused")).toMatchObject({
      severity: "error",
      where: "hosted",
      what: expect.stringMatching(/connection refused$/),
      advice: expect.stringMatching(/start it, or correct the port in hosted\.url/),
    });
  });

  it("by DNS", async () => {
    const report = await hostedAt("http://registry.invalid:5000");

    expect(byId(report, "dns")).toMatchObject({ severity: "error", where: "hosted" });
  });

  it("by an untrusted certificate", async () => {
    await using hosted = await startRegistry({ tls: { key, cert } });

    const finding = byId(await hostedAt(hosted.url), "certificate");

    expect(finding?.what).toMatch(/TLS failed \(\w*CERT\w*\)/);
    expect(finding?.advice).toMatch(/issuer in hosted\.tls/);
  });

  it("by a certificate for another name", async () => {
    await using hosted = await startRegistry({ tls: { key, cert } });

    const report = await hostedAt({ url: hosted.url, tls: { ca: cert, serverName: "other.example" } });

    expect(byId(report, "certificate")?.advice).toMatch(/for another name/);
  });

  it("because it does not speak TLS", async () => {
    await using hosted = await startRegistry();

    const report = await hostedAt(hosted.url.replace("http:", "https:"));

    expect(byId(report, "wrong-scheme")?.advice).toMatch(/try http:\/\//);
  });

  it("because it speaks TLS, as registries in Go say", async () => {
    await using hosted = await startRegistry();
    hosted.fault({ status: 400, body: "Client sent an HTTP request to an HTTPS server.\n" });

    expect(byId(await hostedAt(hosted.url), "wrong-scheme")?.advice).toMatch(/write https:\/\//);
  });

  it.each([500, 302])("because %s is no registry's answer", async (status) => {
    await using hosted = await startRegistry();
    hosted.fault({ path: "/v2/", status });

    expect(byId(await hostedAt(hosted.url), "no-registry")?.what).toMatch(`answers ${status} at /v2/`);
  });

  it("because it is this very router", async () => {
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: proxy.url, proxy: proxy.url });
    router.handler.reload({ hosted: router.url, proxy: proxy.url });

    const report = await within(10_000, "the check", router.handler.check());

    expect(byId(report, "loop")).toMatchObject({ severity: "error", where: "hosted" });
  });

  it("because it is a router that leads back to itself", async () => {
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: proxy.url, proxy: proxy.url });
    router.handler.reload({ hosted: router.url, proxy: proxy.url });

    const report = await hostedAt(router.url);

    expect(byId(report, "loop")).toMatchObject({ severity: "error", where: "hosted" });
    expect(report.upstreams[0]?.product).toBe("Combined Registry");
  });
});

describe("credentials", () => {
  const withAuth =
    (auth: object) =>
    ({ hosted }: { hosted: string }) => ({ hosted: { url: hosted, ...auth } });

  it.each<[string, RegistryOptions, object, string | undefined]>([
    ["that are taken", { auth: user }, { auth: user }, "ok credentials"],
    ["that tokens are got for", { tokens: { user } }, { auth: user }, "ok credentials"],
    [
      "that are wrong",
      { auth: user },
      { auth: { ...user, password: "hunter2-wrong" } },
      "error credentials-refused",
    ],
    [
      "that the token endpoint refuses",
      { tokens: { user, anonymous: false } },
      { auth: { ...user, password: "hunter2-wrong" } },
      "error credentials-refused",
    ],
    ["that are missing", { auth: user }, {}, "error credentials-missing"],
    ["that are not needed", {}, { auth: user }, "hint credentials-unneeded"],
    ["that clients bring along", { auth: user }, { auth: "passthrough" }, "ok credentials"],
    ["that clients bring along for nothing", {}, { auth: "passthrough" }, "warning passthrough-unneeded"],
    ["not configured, for a registry that needs none", {}, {}, undefined],
  ])("%s", async (_, hosted, auth, expected) => {
    const report = await checkPair({ hosted }, withAuth(auth));

    const about = found(report, "hosted").filter((one) => /credentials|passthrough/.test(one));

    expect(about).toEqual(expected === undefined ? [] : [expected]);
    expect(JSON.stringify(report.findings)).not.toContain("hunter2");
  });

  it.each<[string, "passthrough" | typeof user, string]>([
    ["clients' own", "passthrough", "warning"],
    ["the router's", user, "hint"],
  ])("%s over plain HTTP are reported as readable", async (_, auth, severity) => {
    await using proxy = await startRegistry();

    const report = await checkOf({ hosted: { url: "http://registry.invalid", auth }, proxy: proxy.url });

    expect(byId(report, "readable-credentials")).toMatchObject({ severity, where: "hosted.url" });
  });
});

describe("what hosted can", () => {
  it.each<[string, RegistryOptions, string]>([
    ["delete", {}, "ok deletes"],
    ["not delete", { deletes: false }, "hint deletes-off"],
    ["list referrers", {}, "ok referrers"],
    ["not list referrers", { referrers: false }, "hint referrers-missing"],
  ])("%s", async (_, hosted, expected) => {
    expect(found(await checkPair({ hosted }), "hosted")).toContain(expected);
  });

  it("is not guessed at", async () => {
    const report = await checkPair({}, undefined, ({ hosted }) => {
      hosted.fault({ method: "DELETE", status: 403 });
      hosted.fault({ path: /referrers/, status: 500 });
    });

    expect(found(report, "hosted")).toEqual(["ok reachable", "hint deletes-unknown", "ok clock"]);
    expect(report.upstreams[0]).not.toHaveProperty("deletes");
    expect(report.upstreams[0]).not.toHaveProperty("referrers");
  });

  it("is nothing, if it is a cache", async () => {
    await using hub = await startRegistry();

    const report = await checkPair({ hosted: { upstream: hub.url } });

    expect(found(report, "hosted")).toContain("error hosted-is-cache");
  });
});

describe("what a proxy is", () => {
  it("a cache whose public registry is down", async () => {
    const report = await checkPair({}, undefined, ({ proxy }) => {
      proxy.fault({
        path: /manifests/,
        status: 500,
        body: { errors: [{ code: "UNKNOWN", detail: { Op: "Get" } }] },
      });
    });

    expect(found(report, "proxy")).toContain("warning cache-upstream");
  });

  it("a registry of its own", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();

    const report = await checkOf({ hosted: hosted.url, proxy: proxy.url });

    expect(found(report, "proxy")).toContain("warning proxy-is-registry");
  });

  it.each([
    [false, ["library-prefix"]],
    [true, []],
  ])("Docker Hub, with libraryPrefix %s", (libraryPrefix, expected) => {
    const findings = proxyFindings({
      upstream: { name: "hub", kind: "proxy" },
      option: "proxy[0]",
      config: { libraryPrefix },
      product: { name: "Docker Hub", cache: false },
      manifest: undefined,
    });

    expect(findings.map(({ id }) => id)).toEqual(expected);
  });

  it("a router like this one", async () => {
    await using registry = await startRegistry();
    await using hosted = await startRegistry();
    await using inner = await startRouter({ hosted: registry.url, proxy: registry.url });

    const report = await checkOf({ hosted: hosted.url, proxy: inner.url });

    expect(found(report, "proxy")).toContain("hint router");
    expect(report.ok).toBe(true);
  });
});

describe("clocks", () => {
  const date = (offset: number) => ({
    path: "/v2/",
    status: 200,
    headers: { Date: new Date(Date.now() + offset).toUTCString() },
  });

  it.each([
    [-hour, /36\d\d s behind this machine's|359\d s behind this machine's/],
    [hour, /3(59|60)\d s ahead of this machine's/],
  ])("%s ms off are reported", async (offset, what) => {
    const report = await checkPair({}, undefined, ({ hosted }) => {
      hosted.fault(date(offset));
    });

    expect(found(report, "hosted")).toContain("warning clock");
    expect(found(report, "proxy")).toContain("ok clock");
    expect(byId(report, "clock")?.what).toMatch(what);
  });

  it("that are all off by the same are right, and this machine's clock is wrong", async () => {
    const report = await checkPair({}, undefined, ({ hosted, proxy }) => {
      hosted.fault(date(hour));
      proxy.fault(date(hour));
    });

    expect(found(report, "clock")).toEqual(["warning clock"]);
    expect(byId(report, "clock")?.advice).toMatch(/set this machine's clock/);
  });

  it("that are unknown are not reported", async () => {
    const report = await checkPair({}, undefined, ({ hosted }) => {
      hosted.fault({ path: "/v2/", status: 200, headers: { Date: "yesterday" } });
    });

    expect(found(report, "hosted")).not.toContain("ok clock");
    expect(report.upstreams[0]).not.toHaveProperty("clockSkew");
  });
});

describe("what the configuration alone shows", () => {
  it("hosted and proxy are the same registry", async () => {
    const report = await checkPair({}, ({ hosted }) => ({ proxy: `${hosted}/` }));

    expect(byId(report, "same-registry")).toMatchObject({ severity: "error", where: "proxy.url" });
  });

  it("certificates are not looked at", async () => {
    await using hosted = await startRegistry({ tls: { key, cert } });
    await using proxy = await startRegistry();

    const report = await checkOf({ hosted: { url: hosted.url, tls: { verify: false } }, proxy: proxy.url });

    expect(byId(report, "tls-unverified")).toMatchObject({ severity: "warning", where: "hosted.tls.verify" });
  });

  it.each<[string, CombinedRegistryConfig["rules"], string[]]>([
    ["no rule", [], ["hint proxy-first rules"]],
    ["a rule that keeps names in", [{ match: "corp/**", pull: ["hosted"] }], []],
    ["a rule that says owned", [{ match: "**", owned: true }], []],
    ["hosted first", [{ match: "**", pull: ["hosted", "proxy"] }], []],
    [
      "public images over private ones, in silence",
      [
        { match: "corp/**", pull: ["hosted"] },
        { match: "**", shadow: "allow" },
      ],
      ["warning shadow-allowed rules[1].shadow"],
    ],
  ])("%s", async (_, rules, expected) => {
    const { findings } = await checkPair({}, () => ({ rules: rules ?? [] }));

    const about = findings.filter(({ id }) => id === "proxy-first" || id === "shadow-allowed");

    expect(about.map(({ id, severity, where }) => `${severity} ${id} ${where}`)).toEqual(expected);
  });
});
