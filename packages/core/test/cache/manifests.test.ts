import { describe, expect, it } from "@jest/globals";
import { type CachedManifest, ManifestCache } from "../../src/cache/manifests.ts";
import type { Member } from "../../src/routing/ruling.ts";

const holder: Member = { name: "proxy", kind: "proxy", passthrough: false };
const some: CachedManifest<Member> = {
  holder,
  search: "",
  variant: 1,
  mediaType: "a/b",
  headers: ["Content-Type", "a/b"],
  body: Buffer.from("{}"),
};

function memoryOf(bytes: number) {
  return new ManifestCache<Member>({ bytes, ttl: 60_000 });
}

/** How many of a hundred are kept. */
function keptOf(memory: ManifestCache<Member>, manifest: CachedManifest<Member>): number {
  const digests = Array.from({ length: 100 }, (_, index) => `sha256:${index}`);
  for (const digest of digests) {
    memory.set("a", digest, manifest);
  }
  return digests.filter((digest) => memory.get("a", digest) !== undefined).length;
}

describe("the manifest cache", () => {
  it.each<[string, CachedManifest<Member>]>([
    ["bodies", { ...some, body: Buffer.alloc(10_000) }],
    ["headers", { ...some, headers: ["ETag", "x".repeat(10_000)] }],
    ["queries", { ...some, search: `?${"x".repeat(10_000)}` }],
  ])("has room for so many bytes of %s", (_, manifest) => {
    expect(keptOf(memoryOf(100_000), manifest)).toBe(8);
  });

  it("counts the overhead of short entries", () => {
    expect(keptOf(memoryOf(20_000), some)).toBeLessThanOrEqual(20);
  });

  it("does not keep an entry larger than the cache, nor anything when it is switched off", () => {
    expect(keptOf(memoryOf(1_000), some)).toBe(0);
    expect([keptOf(memoryOf(0), some), memoryOf(0).isOn]).toEqual([0, false]);
  });

  it("copies a short body out of the larger buffer that it was read into", () => {
    const memory = memoryOf(100_000);
    memory.set("a", "sha256:1", some);

    expect(memory.get("a", "sha256:1")?.body).toEqual(some.body);
    expect(memory.get("a", "sha256:1")?.body.buffer.byteLength).toBe(some.body.length);
  });

  it("forgets one manifest, or those of one repository alone", () => {
    const memory = memoryOf(100_000);
    for (const [repository, digest] of [
      ["a", "sha256:1"],
      ["a", "sha256:2"],
      ["a/b", "sha256:1"],
      ["b/a", "sha256:1"],
    ] as const) {
      memory.set(repository, digest, some);
    }
    const has = () =>
      [
        memory.get("a", "sha256:1"),
        memory.get("a", "sha256:2"),
        memory.get("a/b", "sha256:1"),
        memory.get("b/a", "sha256:1"),
      ].map((kept) => kept !== undefined);

    memory.forget("a", "sha256:1");
    expect(has()).toEqual([false, true, true, true]);
    memory.forgetAllOf("a");
    expect(has()).toEqual([false, false, true, true]);
  });
});
