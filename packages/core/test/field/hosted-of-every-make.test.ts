import { type RegistryOptions, startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { digestOf, manifestType, putManifest } from "../support/push.ts";
import { startRouter } from "../support/router.ts";

// field: registries as hosted that are not CNCF distribution, as the profiles of the testkit behave.

const makes = ["olareg", "crane", "ocimem", "serverless-registry", "distribution", "distribution-3"] as const;
type Make = (typeof makes)[number] & NonNullable<RegistryOptions["like"]>;

async function startWith(like: Make, owned: boolean) {
  const hosted = await startRegistry({ like });
  const hub = await startRegistry();
  const router = await startRouter({
    hosted: { url: hosted.url, ...(hosted.user !== undefined && { auth: hosted.user }) },
    proxy: { name: "hub", url: hub.url },
    rules: [{ match: "**", owned, shadow: "allow" }],
  });
  return {
    hosted,
    hub,
    router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await Promise.all([hosted.close(), hub.close()]);
    },
  };
}

describe.each(makes)("%s as hosted", (like) => {
  it.each([true, false])("hides no public image and no public tags (owned: %s)", async (owned) => {
    await using sides = await startWith(like, owned);
    const image = sides.hub.addImage("library/tool", { tag: "1.0" });

    const pulled = await fetchRaw(sides.router.url, "/v2/library/tool/manifests/1.0");
    const tags = await fetchRaw(sides.router.url, "/v2/library/tool/tags/list");

    expect([pulled.status, digestOf(pulled.body)]).toEqual([200, image.digest]);
    expect([tags.status, JSON.parse(tags.body.toString()).tags]).toEqual([200, ["1.0"]]);
  });

  it.each([true, false])(
    "makes a repository its own by an image, not by a signature (owned: %s)",
    async (owned) => {
      await using sides = await startWith(like, owned);
      sides.hub.addImage("library/tool", { tag: "1.0" });
      sides.hosted.createRepository?.("library/tool");
      const signature = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers: [] });

      const signed = await putManifest(
        sides.router,
        "library/tool",
        `sha256-${"a".repeat(64)}.sig`,
        signature,
      );
      const pulled = await fetchRaw(sides.router.url, "/v2/library/tool/manifests/1.0");
      const tags = await fetchRaw(sides.router.url, "/v2/library/tool/tags/list");

      expect(signed.status).toBeLessThan(300);
      expect(pulled.status).toBe(200);
      expect(JSON.parse(tags.body.toString()).tags).toContain("1.0");
    },
  );

  it("has what a HEAD promised from a proxy before a push of its manifest is answered", async () => {
    await using sides = await startWith(like, false);
    const image = sides.hub.addImage("library/tool", { tag: "1.0", layers: ["one", "two"] });
    const manifest = await fetchRaw(sides.router.url, "/v2/library/tool/manifests/1.0");
    sides.hosted.createRepository?.("library/tool");
    for (const { digest } of image.layers) {
      const head = await fetchRaw(sides.router.url, `/v2/library/tool/blobs/${digest}`, { method: "HEAD" });
      expect(head.status).toBe(200);
    }

    const pushed = await putManifest(sides.router, "library/tool", "mine", manifest.body.toString());

    expect(pushed.status).toBeLessThan(300);
    for (const { digest } of image.layers) {
      expect(sides.hosted.hasBlob("library/tool", digest)).toBe(true);
    }
  });
});
