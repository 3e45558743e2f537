import { createServer } from "node:http";
import type { ManifestChange } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../support/client.ts";
import { digestOf, manifestOf, manifestType } from "../support/push.ts";
import { listen, startRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";

const body = manifestOf();
const digest = digestOf(body);
const put = { method: "PUT", headers: { "Content-Type": manifestType }, body };

/** A hosted registry that accepts every manifest, and answers `OCI-Tag` as it is told. */
async function startHosted(ociTag: readonly string[]) {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => {
      const tags = ociTag.flatMap((value) => ["OCI-Tag", value]);
      response.writeHead(request.method === "PUT" ? 201 : 404, ["Content-Length", "0", ...tags]).end();
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pushWithTags(search: string, shadow: "deny" | "warn", ociTag: readonly string[]) {
  await using hosted = await startHosted(ociTag);
  await using proxy = await startRegistry();
  proxy.addManifest("team/app", manifestOf({ digest: digestOf("other"), size: 5 }), { tag: "taken" });
  const changes: ManifestChange[] = [];
  await using router = await startRouter({
    hosted: { url: hosted.url },
    proxy: [{ name: "hub", url: proxy.url }],
    rules: [{ match: "**", shadow }],
    peers: {
      publish: async (change) => {
        changes.push(change);
      },
      withLock: (_key, work) => work(),
    },
  });
  const answer = await fetchRaw(router.url, `/v2/team/app/manifests/${digest}${search}`, put);
  const puts = hosted.heard.filter((line) => line.startsWith("PUT"));
  return { answer, puts, references: changes.map(({ reference }) => reference) };
}

describe("a push of a manifest with ?tag=", () => {
  it.each(["?tag=taken", "?tag=free&tag=taken", "?tag=free;tag=taken", "?t%61g=taken", "?tag=t%61ken"])(
    "%s is refused under shadow: deny if a proxy has one of the tags",
    async (search) => {
      const { answer, puts } = await pushWithTags(search, "deny", []);

      expect(answer.status).toBe(403);
      expect(errorOf(answer).code).toBe("DENIED");
      expect(puts).toEqual([]);
    },
  );

  it("tells the tags to other processes, and passes OCI-Tag", async () => {
    const { answer, puts, references } = await pushWithTags("?tag=a&tag=b&tag=a", "warn", ["a, b"]);

    expect(answer.status).toBe(201);
    expect(answer.headers["oci-tag"]).toBe("a, b");
    expect(puts).toEqual([`PUT /v2/team/app/manifests/${digest}?tag=a&tag=b&tag=a`]);
    expect(references).toEqual([digest, "a", "b"]);
  });

  it.each([
    { ociTag: ["free, taken"], warned: true },
    { ociTag: ["free", "taken"], warned: true },
    { ociTag: ["free"], warned: false },
    { ociTag: [], warned: false },
  ])("warns of tags that hosted has set: $ociTag", async ({ ociTag, warned }) => {
    const { answer } = await pushWithTags("?tag=free&tag=taken", "warn", ociTag);

    expect(answer.status).toBe(201);
    expect("warning" in answer.headers).toBe(warned);
  });

  it.each(["?tag=", "?tag=-a", "?tag=a%2Fb", "?tag=a&tag=b:c", "?tag=a;tag=%20"])(
    "%s is TAG_INVALID before hosted is asked",
    async (search) => {
      const { answer, puts } = await pushWithTags(search, "warn", []);

      expect(answer.status).toBe(400);
      expect(errorOf(answer).code).toBe("TAG_INVALID");
      expect(puts).toEqual([]);
    },
  );
});

describe("a manifest without Docker-Content-Digest", () => {
  it.each([
    { ask: "GET", reference: "1", status: 200, told: digest },
    { ask: "GET", reference: digest, status: 200, told: digest },
    { ask: "HEAD", reference: "1", status: 200, told: undefined },
  ])("$ask of $reference is answered with $told", async ({ ask, reference, status, told }) => {
    const server = createServer((request, response) => {
      const headers = { "Content-Type": manifestType, "Content-Length": body.length };
      response.writeHead(200, headers).end(request.method === "HEAD" ? "" : body);
    });
    const port = await listen(server);
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: `http://127.0.0.1:${port}` },
      proxy: [{ name: "hub", url: proxy.url }],
    });
    try {
      const answer = await fetchRaw(router.url, `/v2/team/app/manifests/${reference}`, { method: ask });

      expect(answer.status).toBe(status);
      expect(answer.headers["docker-content-digest"]).toBe(told);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("a subject", () => {
  it.each(["1.25:alpine", "latest:x", "blake2:abc", "sha256+x:abc"])(
    "of an algorithm that is not registered, %s, becomes no tag",
    async (subject) => {
      await using sides = await startSides({ hosted: { registry: { referrers: false } } });
      const referrer = JSON.stringify({
        ...JSON.parse(body),
        subject: { mediaType: manifestType, digest: subject, size: 1 },
      });
      const answer = await fetchRaw(sides.router.url, "/v2/team/app/manifests/1", { ...put, body: referrer });

      expect(answer.status).toBe(201);
      expect(answer.headers["oci-subject"]).toBeUndefined();
      const puts = sides.hosted.requests.filter(({ method }) => method === "PUT").map(({ path }) => path);
      expect(puts).toEqual(["/v2/team/app/manifests/1"]);
    },
  );
});
