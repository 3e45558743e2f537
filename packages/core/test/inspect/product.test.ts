import { describe, expect, it } from "@jest/globals";
import { detectProduct, isTrouble, type Trait, type Traits } from "../../src/inspect/product.ts";

const nothing: Traits = {
  anonymous: undefined,
  base: undefined,
  manifest: undefined,
  tags: undefined,
  extensions: undefined,
};
const trait = (status: number, body: unknown = "", headers: readonly string[] = []): Trait => ({
  status,
  headers,
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const asking = (realm: string, service: string) => ({
  ...nothing,
  anonymous: trait(401, "", ["Www-Authenticate", `Bearer realm="${realm}",service="${service}"`]),
});
const oci = (code: string, detail: unknown) => ({ errors: [{ code, message: "", detail }] });
const revision = { Name: "a", Revision: `sha256:${"0".repeat(64)}` };

// As distribution 2.8.2 and the cache of 3.1.1 answer; that 3 checks `n` is in its source, what the others say in their challenges.
const unknownName = trait(404, oci("NAME_UNKNOWN", { name: "a" }));
const unknownAtHosted = trait(404, oci("MANIFEST_UNKNOWN", revision));
const unknownAtCache2 = trait(500, oci("UNKNOWN", oci("MANIFEST_UNKNOWN", revision)));
const unknownAtCache3 = trait(500, oci("UNKNOWN", "manifest unknown: manifest unknown"));
const trouble = trait(500, oci("UNKNOWN", { Op: "Get", URL: "http://127.0.0.1:1/v2/", Err: { Op: "dial" } }));
const badN = trait(400, oci("PAGINATION_NUMBER_INVALID", { n: "-1" }));

describe("a product is detected by its responses", () => {
  it.each<[string, Traits, object]>([
    [
      "Docker Hub",
      asking("https://auth.docker.io/token", "registry.docker.io"),
      { name: "Docker Hub", cache: false },
    ],
    ["ghcr", asking("https://ghcr.io/token", "ghcr.io"), { name: "GitHub Container Registry", cache: false }],
    [
      "Harbor",
      asking("https://harbor.example/service/token", "harbor-registry"),
      { name: "Harbor", cache: false },
    ],
    [
      "another registry's token endpoint",
      asking("https://auth.docker.io/token", "other"),
      { name: "unknown" },
    ],
    ["Nexus", { ...nothing, base: trait(200, "", ["Server", "Nexus/3.70.0"]) }, { name: "Sonatype Nexus" }],
    ["zot", { ...nothing, extensions: trait(200, { extensions: [{ name: "_zot" }] }) }, { name: "zot" }],
    [
      "a router like this one",
      { ...nothing, base: trait(503, "", ["X-Combined-Registry", "router; UNAVAILABLE"]) },
      { name: "Combined Registry" },
    ],
    [
      "distribution 2",
      { ...nothing, manifest: unknownAtHosted, tags: unknownName },
      { name: "CNCF distribution", version: "2.x", cache: false },
    ],
    [
      "distribution 3",
      { ...nothing, manifest: unknownAtHosted, tags: badN },
      { name: "CNCF distribution", version: "3.x", cache: false },
    ],
    [
      "a cache of distribution 2",
      { ...nothing, manifest: unknownAtCache2, tags: unknownName },
      { name: "CNCF distribution", version: "2.x", cache: true },
    ],
    [
      "a cache of distribution 3",
      { ...nothing, manifest: unknownAtCache3, tags: badN },
      { name: "CNCF distribution", version: "3.x", cache: true },
    ],
    [
      "a cache that cannot ask, and so cannot tell its version",
      { ...nothing, manifest: trouble, tags: trouble },
      { name: "CNCF distribution", cache: true },
    ],
    ["an answer of any registry", { ...nothing, base: trait(200, "{}") }, { name: "unknown" }],
    ["another 404", { ...nothing, manifest: trait(404, oci("MANIFEST_UNKNOWN", {})) }, { name: "unknown" }],
    [
      "a page",
      { ...nothing, base: trait(200, "<html>"), manifest: trait(500, "<html>") },
      { name: "unknown" },
    ],
    ["silence", nothing, { name: "unknown" }],
  ])("%s", (_, traits, product) => {
    expect(detectProduct(traits)).toEqual(product);
  });

  it("a failing cache is distinguished from one without the content", () => {
    expect([trouble, unknownAtCache2, unknownAtCache3].map(({ body }) => isTrouble(body))).toEqual([
      true,
      false,
      false,
    ]);
  });
});
