import type { CombinedRegistryConfig } from "@combined-registry/core";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";

type Options = Partial<Record<"hosted" | "hub" | "ghcr", object>>;

/** Hosted and two proxies, each with an image that says whose it is. */
async function startThree({
  hosted: hostedOptions = {},
  hub: hubOptions = {},
  ghcr: ghcrOptions = {},
  config = {},
}: Options & { readonly config?: Partial<CombinedRegistryConfig> } = {}) {
  const sides = await startSides({
    proxies: { hub: hubOptions, ghcr: ghcrOptions },
    hosted: hostedOptions,
    router: config,
  });
  const { hosted } = sides;
  const [hub, ghcr] = [sides.proxyNamed("hub"), sides.proxyNamed("ghcr")];
  const all = { hosted, hub, ghcr };
  for (const [name, registry] of Object.entries(all)) {
    registry.addImage("org/app", { tag: name, layers: [`${name}'s`] });
    registry.addImage("org/all", { tag: "latest", layers: [name] });
  }
  return { ...sides, hub, ghcr, all };
}

/** Who was asked for anything, in alphabetical order. */
function asked(all: Readonly<Record<string, TestRegistry>>): string[] {
  return Object.keys(all)
    .filter((name) => all[name]?.requests.length !== 0)
    .sort();
}

describe("several proxies", () => {
  it("are asked in order, then hosted", async () => {
    await using sides = await startThree();

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/manifests/hosted");

    expect(answer.headers["x-combined-registry"]).toBe("hosted; found; hub not found, ghcr not found");
    expect(
      (await fetchRaw(sides.router.url, "/v2/org/all/manifests/latest")).headers["x-combined-registry"],
    ).toBe("hub; found");
  });

  it("are asked in the order of the rule", async () => {
    await using sides = await startThree({
      config: { rules: [{ match: "org/**", pull: ["ghcr", "hosted", "hub"] }] },
    });

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/manifests/hub");

    expect(answer.headers["x-combined-registry"]).toBe("hub; found; ghcr not found, hosted not found");
  });

  it("are asked only for names that their `match` covers", async () => {
    await using sides = await startThree({ hub: { match: ["library/**", "*"] }, ghcr: { match: "org/**" } });

    await fetchRaw(sides.router.url, "/v2/org/app/manifests/none");

    expect(asked(sides.all)).toEqual(["ghcr", "hosted"]);
  });
});

describe("onFailure", () => {
  it.each([
    ["continue", 200, ["ghcr", "hub"]],
    ["stop", 502, ["hub"]],
  ] as const)("%s, when the first proxy fails", async (onFailure, status, registries) => {
    await using sides = await startThree({ config: { rules: [{ match: "org/**", onFailure }] } });
    sides.hub.fault({ status: 500 });

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/manifests/ghcr");

    expect(answer.status).toBe(status);
    expect(asked(sides.all)).toEqual(registries);
  });

  it("stop names the failure and the upstreams asked, and not found stops nothing", async () => {
    await using sides = await startThree({ config: { rules: [{ match: "**", onFailure: "stop" }] } });
    sides.ghcr.fault({ status: 429, headers: { "Retry-After": "7" } });

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/manifests/hosted");

    expect(answer.status).toBe(429);
    expect(answer.headers["retry-after"]).toBe("7");
    expect(errorOf(answer)).toMatchObject({
      message: "hub not found, ghcr failed (rate limited)",
    });
    expect((await fetchRaw(sides.router.url, "/v2/org/app/manifests/hub")).status).toBe(200);
  });
});

describe("?ns=", () => {
  const namespaces: Options = { hub: { namespace: "docker.io" }, ghcr: { namespace: "ghcr.io" } };

  it.each([
    ["docker.io", "hub", 200],
    ["ghcr.io", "ghcr", 200],
    ["ghcr.io", "hub", 404],
    ["docker.io", "hosted", 404],
  ])("%s has the tag %s: %d, and no other upstream is asked", async (namespace, tag, status) => {
    await using sides = await startThree(namespaces);

    const answer = await fetchRaw(sides.router.url, `/v2/org/app/manifests/${tag}?ns=${namespace}`);

    expect(answer.status).toBe(status);
    expect(answer.headers["oci-namespace"]).toBe(namespace);
    expect(asked(sides.all)).toEqual([namespace === "docker.io" ? "hub" : "ghcr"]);
  });

  it("of a registry without a proxy asks hosted, and is not acknowledged", async () => {
    await using sides = await startThree(namespaces);

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/manifests/hosted?ns=registry.example.com");

    expect(answer.status).toBe(200);
    expect(answer.headers["oci-namespace"]).toBeUndefined();
    expect(asked(sides.all)).toEqual(["hosted"]);
  });

  it("stays with the router where a proxy has it: the registry that it names may answer 400 to it", async () => {
    await using sides = await startThree(namespaces);

    await fetchRaw(sides.router.url, "/v2/org/app/tags/list?n=5&ns=docker.io");

    expect(sides.hub.requests.map(({ url }) => url)).toEqual(["/v2/org/app/tags/list?n=5"]);
  });

  it("gives one OCI-Namespace header where the proxy sends its own", async () => {
    await using sides = await startThree(namespaces);
    sides.hub.fault({ status: 200, headers: { "OCI-Namespace": "docker.io" }, body: "{}" });

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/manifests/hub?ns=docker.io");

    expect(answer.headers["oci-namespace"]).toBe("docker.io");
  });

  it("takes no pushes to a registry that is only mirrored", async () => {
    await using sides = await startThree(namespaces);

    const answer = await fetchRaw(sides.router.url, "/v2/org/app/blobs/uploads/?ns=docker.io", {
      method: "POST",
    });

    expect(answer.status).toBe(403);
    expect(errorOf(answer)).toMatchObject({
      code: "DENIED",
      message: expect.stringMatching(/\?ns= names a registry that the router only mirrors/),
    });
    expect(asked(sides.all)).toEqual([]);
  });

  it.each(["ns=docker.io&ns=ghcr.io", "ns=docker.io;ns=ghcr.io", "n%73=a&ns=b"])(
    "cannot be said twice: %s",
    async (query) => {
      await using sides = await startThree(namespaces);

      expect((await fetchRaw(sides.router.url, `/v2/org/app/manifests/hub?${query}`)).status).toBe(400);
      expect(asked(sides.all)).toEqual([]);
    },
  );
});

describe("a host name that stands for one registry", () => {
  const hosts: Options = { hosted: { hosts: ["hosted.example.com"] }, hub: { hosts: ["hub.example.com"] } };
  const at = (host: string) => ({ headers: { Host: host } });

  it.each([
    ["hosted.example.com", "hosted"],
    ["hub.example.com", "hub"],
    ["HUB.example.com:5000", "hub"],
    ["hub.example.com.", "hub"],
  ])("%s: %s alone is asked, for every kind of request", async (host, name) => {
    await using sides = await startThree(hosts);
    const digest = `sha256:${"0".repeat(64)}`;

    const answer = await fetchRaw(sides.router.url, "/v2/org/all/manifests/latest", at(host));
    for (const target of [
      "/v2/",
      "/v2/_catalog",
      "/v2/org/app/tags/list",
      "/v2/none/tags/list",
      `/v2/org/app/referrers/${digest}`,
      `/v2/org/app/blobs/${digest}`,
      "/v2/org/app/manifests/none",
    ]) {
      await fetchRaw(sides.router.url, target, at(host));
    }

    expect(answer.headers["x-combined-registry"]).toBe(`${name}; found`);
    expect(asked(sides.all)).toEqual([name]);
  });

  it.each(["registry.example.com", "hub.example.com.evil.org", "ghcr"])(
    "%s is not one: all are asked",
    async (host) => {
      await using sides = await startThree(hosts);

      await fetchRaw(sides.router.url, "/v2/org/app/manifests/none", at(host));

      expect(asked(sides.all)).toEqual(["ghcr", "hosted", "hub"]);
    },
  );

  it("has that registry's catalog and tags, for every value of `lists`", async () => {
    for (const lists of ["first", "hosted", "merge"] as const) {
      await using sides = await startThree({ ...hosts, config: { lists } });
      const tags = await fetchRaw(sides.router.url, "/v2/org/app/tags/list", at("hub.example.com"));
      const catalog = await fetchRaw(sides.router.url, "/v2/_catalog", at("hub.example.com"));

      expect(JSON.parse(tags.body.toString())).toMatchObject({ tags: ["hub"] });
      expect(JSON.parse(catalog.body.toString())).toEqual({ repositories: ["org/all", "org/app"] });
      expect(asked(sides.all)).toEqual(["hub"]);
    }
  });

  it("is up when that registry is", async () => {
    await using sides = await startThree(hosts);
    sides.ghcr.fault({ status: 503 });

    expect((await fetchRaw(sides.router.url, "/v2/")).status).toBe(503);
    expect((await fetchRaw(sides.router.url, "/v2/", at("hub.example.com"))).status).toBe(200);
    sides.hub.fault({ status: 500 });
    await using later = await startRouter({
      hosted: sides.hosted.url,
      proxy: { url: sides.hub.url, hosts: ["hub.example.com"] },
      base: "hosted",
    });
    expect((await fetchRaw(later.url, "/v2/")).status).toBe(200);
    expect((await fetchRaw(later.url, "/v2/", at("hub.example.com"))).status).toBe(503);
  });

  it("takes pushes if that registry is hosted, and otherwise gives the reason", async () => {
    await using sides = await startThree(hosts);
    const push = (host: string) =>
      fetchRaw(sides.router.url, "/v2/org/app/blobs/uploads/", { method: "POST", ...at(host) });

    expect((await push("hosted.example.com")).status).toBe(202);
    const refused = await push("hub.example.com");

    expect(refused.status).toBe(403);
    expect(errorOf(refused).message).toBe(
      "pushes to org/app and deletes in it are denied: this host name stands for a registry that the router never pushes to",
    );
    expect(sides.hub.requests).toEqual([]);
  });

  it("is taken from a trusted load balancer's header, and from no other client's", async () => {
    const headers = { "X-Forwarded-Host": "hub.example.com" };
    await using trusting = await startThree({ ...hosts, config: { trustProxy: ["127.0.0.1"] } });
    await using wary = await startThree(hosts);

    await fetchRaw(trusting.router.url, "/v2/org/app/manifests/none", { headers });
    await fetchRaw(wary.router.url, "/v2/org/app/manifests/none", { headers });

    expect(asked(trusting.all)).toEqual(["hub"]);
    expect(asked(wary.all)).toEqual(["ghcr", "hosted", "hub"]);
  });

  it("of a proxy does not ask hosted to check the client's credentials", async () => {
    await using hosted = await startRegistry({ auth: { username: "a", password: "b" } });
    await using hub = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: { url: hub.url, hosts: ["hub.example.com"] },
    });

    expect((await fetchRaw(router.url, "/v2/")).status).toBe(401);
    expect((await fetchRaw(router.url, "/v2/", at("hub.example.com"))).status).toBe(200);
  });
});
