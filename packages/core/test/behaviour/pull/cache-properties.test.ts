import type { CombinedRegistryConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cases } from "../../support/cases.ts";
import { fetchRaw, type Received } from "../../support/client.ts";
import { digestOf, manifestType, putManifest } from "../../support/push.ts";
import { startRouter } from "../../support/router.ts";

// The caches are either on or off.
const all: Partial<CombinedRegistryConfig> = {};
const nothing: Partial<CombinedRegistryConfig> = { memory: { entries: 0, absentTtl: 0, manifestBytes: 0 } };
const rules = [
  { match: "private/**", pull: ["hosted"] },
  { match: "owned/**", owned: true },
  { match: "first/**", pull: ["hosted", "proxy"] },
];
const repositories = ["private/a", "owned/a", "first/a", "library/a"];
const tags = ["1", "2"];
const manifests = [1, 2, 3].map((number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: manifestType, annotations: { number: String(number) } }),
);
const accepts = [manifestType, "application/vnd.oci.image.index.v1+json", "*/*"];

const whats = ["GET", "GET", "GET", "HEAD", "HEAD", "PUT", "DELETE", "crowd"] as const;

/** What one client, or a crowd of them, asks for. */
interface Step {
  readonly what: (typeof whats)[number];
  readonly repository: string;
  readonly reference: string;
  readonly manifest: string;
  readonly accept: string;
}

// Within a few repositories and ways to ask, steps meet more often.
const story = fc
  .record({
    among: fc.subarray(repositories, { minLength: 1 }),
    accepted: fc.subarray(accepts, { minLength: 1 }),
  })
  .chain(({ among, accepted }) => {
    const step = fc.constantFrom(...manifests).chain(
      (manifest): fc.Arbitrary<Step> =>
        fc.record({
          what: fc.constantFrom(...whats),
          repository: fc.constantFrom(...among),
          reference: fc.constantFrom(...tags, digestOf(manifest)),
          manifest: fc.constant(manifest),
          accept: fc.constantFrom(...accepted),
        }),
    );
    return fc.array(step, { minLength: 1, maxLength: 120, size: "max" });
  });

/** Two registries of the same content for each router. */
async function startWorld(config: Partial<CombinedRegistryConfig>) {
  const [proxy, hosted] = [await startRegistry(), await startRegistry()];
  for (const [index, manifest] of manifests.entries()) {
    proxy.addManifest("library/a", manifest, index < 1 ? { tag: "1" } : {});
    proxy.addManifest("first/a", manifest, index < 1 ? { tag: "2" } : {});
    proxy.addManifest("private/a", manifest, { tag: "1" });
    proxy.addManifest("owned/a", manifest, { tag: "1" });
  }
  const router = await startRouter({ hosted: hosted.url, proxy: proxy.url, rules, ...config });
  // A header that may be a credential keeps requests from being shared.
  const apart = config === nothing ? { "X-Apart": "yes" } : {};
  return {
    router,
    apart,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await Promise.all([proxy.close(), hosted.close()]);
    },
  };
}

type World = Awaited<ReturnType<typeof startWorld>>;

async function take(
  { router, apart }: World,
  { what, repository, reference, manifest, accept }: Step,
): Promise<Received[]> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = { Accept: accept, ...apart };
  if (what === "crowd") {
    const methods = ["GET", "HEAD", "GET", "GET"];
    return Promise.all(methods.map((method) => fetchRaw(router.url, path, { method, headers })));
  }
  if (what === "PUT") {
    const target = reference.includes(":") ? digestOf(manifest) : reference;
    return [await putManifest(router, repository, target, manifest)];
  }
  return [await fetchRaw(router.url, path, { method: what, headers })];
}

/** All that a client can see but for who answered, and when. */
function seen({ status, headers, body }: Received): unknown[] {
  const about = ["content-type", "content-length", "docker-content-digest", "etag"].map(
    (name) => headers[name],
  );
  return [status, ...about, status < 300 ? body.toString() : ""];
}

describe("caching and coalescing", () => {
  it("change no response, whatever is pushed, deleted and pulled", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (steps) => {
        await using remembering = await startWorld(all);
        await using forgetting = await startWorld(nothing);

        for (const [index, one] of steps.entries()) {
          const [here, there] = await Promise.all([take(remembering, one), take(forgetting, one)]);
          expect([index, here.map(seen)]).toEqual([index, there.map(seen)]);
        }
      }),
      // A failure is said as the shortest story that was found in time.
      { numRuns: cases(20), unbiased: true, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
    );
  }, 90_000);
});
