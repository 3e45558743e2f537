import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { CombinedRegistryConfig } from "@combined-registry/core";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { digestOf, manifestOf, manifestType, putManifest } from "../support/push.ts";
import { listen, type RunningRouter, startRouter } from "../support/router.ts";
import { within } from "../support/within.ts";

const hex = "a".repeat(64);
const indexType = "application/vnd.oci.image.index.v1+json";

/** How a registry of some make differs. */
interface Make {
  /** The pages of `tags/list`, whole answers; `next` links to the following one. */
  readonly tags?: readonly { readonly status?: number; readonly body: string; readonly next?: boolean }[];
  /** The status of an accepted manifest. @default 201 */
  readonly accepted?: number;
  /** What a manifest is answered whose parts are missing. @default it is accepted */
  readonly missing?: { readonly status: number; readonly body: string };
  readonly referrers?: {
    readonly status: number;
    readonly body: string;
    readonly headers?: Record<string, string>;
  };
}

interface Scripted extends AsyncDisposable {
  readonly url: string;
  readonly heard: string[];
  readonly blobs: Set<string>;
  readonly manifests: Map<string, Buffer>;
}

/** A registry with one repository's content, and without any checks but those of its make. */
async function startMake(make: Make): Promise<Scripted> {
  const heard: string[] = [];
  const blobs = new Set<string>();
  const manifests = new Map<string, Buffer>();
  const answer = (
    response: ServerResponse,
    status: number,
    body = "",
    headers: Record<string, string> = {},
  ) => response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(body);
  const act = (request: IncomingMessage, response: ServerResponse, body: Buffer) => {
    const { method = "" } = request;
    const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
    heard.push(`${method} ${pathname}`);
    const [kind = "", reference = ""] = pathname.split("/").slice(-2);
    if (reference === "" && kind === "uploads") {
      answer(response, 202, "", { Location: `${pathname}1` });
    } else if (kind === "uploads" && method === "PUT") {
      const digest = searchParams.get("digest") ?? "";
      blobs.add(digest);
      answer(response, 201, "", { Location: `/v2/app/blobs/${digest}` });
    } else if (kind === "uploads") {
      answer(response, 202, "", { Location: pathname });
    } else if (kind === "tags") {
      const at = Number(searchParams.get("page") ?? 0);
      const page = make.tags?.[at];
      const link = page?.next ? { Link: `<${pathname}?page=${at + 1}>; rel="next"` } : {};
      answer(response, page?.status ?? (page ? 200 : 404), page?.body ?? "", link as Record<string, string>);
    } else if (kind === "referrers") {
      const { status, body: text, headers } = make.referrers ?? { status: 404, body: "" };
      answer(response, status, text, headers);
    } else if (kind === "blobs") {
      answer(
        response,
        blobs.has(reference) ? 200 : 404,
        "",
        blobs.has(reference) ? { "Content-Length": "5" } : {},
      );
    } else if (method === "PUT") {
      const named = [...body.toString().matchAll(/sha256:[0-9a-f]{64}/g)].map(([digest]) => digest);
      const lacks = named.some((digest) => !blobs.has(digest) && !manifests.has(digest));
      if (lacks && make.missing !== undefined) {
        answer(response, make.missing.status, make.missing.body);
        return;
      }
      manifests.set(reference, body).set(digestOf(body), body);
      answer(response, make.accepted ?? 201, "", { "Docker-Content-Digest": digestOf(body) });
    } else {
      const found = manifests.get(reference);
      answer(response, found ? 200 : 404, found?.toString(), {
        ...(found && { "Content-Type": manifestType, "Docker-Content-Digest": digestOf(found) }),
      });
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => act(request, response, Buffer.concat(chunks)));
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    blobs,
    manifests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await within(5_000, "the scripted registry closes", new Promise((resolve) => server.close(resolve)));
    },
  };
}

interface Sides extends AsyncDisposable {
  readonly hosted: Scripted;
  readonly proxy: TestRegistry;
  readonly router: RunningRouter;
}

async function startSides(make: Make, config: Partial<CombinedRegistryConfig> = {}): Promise<Sides> {
  const hosted = await startMake(make);
  const proxy = await startRegistry();
  const router = await startRouter({ hosted: { url: hosted.url }, proxy: { url: proxy.url }, ...config });
  return {
    hosted,
    proxy,
    router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await Promise.all([hosted[Symbol.asyncDispose](), proxy.close()]);
    },
  };
}

const owned = { rules: [{ match: "**", owned: true }] };
const list = (tags: unknown) => JSON.stringify({ name: "app", tags });
const signatures = [
  `sha256-${hex}`,
  `sha256-${hex}.sig`,
  `sha256-${hex}.att`,
  `sha256-${hex}.sbom`,
  `sha512-${hex}`,
];

const unknown = [
  ["an empty list", [{ body: list([]) }]],
  ["null", [{ body: list(null) }]],
  ["a list left out", [{ body: '{"name":"app"}' }]],
  ["an empty page that links to another", [{ body: list([]), next: true }, { body: list([]) }]],
  ["tags that sign or describe", [{ body: list(signatures) }]],
  [
    "two pages of such tags",
    [{ body: list(signatures), next: true }, { body: list([`sha256-${hex}.vuln`]) }],
  ],
] as const;

describe("a repository that hosted lists without an image", () => {
  it.each(unknown)("is not owned by %s", async (_, tags) => {
    await using sides = await startSides({ tags }, owned);
    sides.proxy.addImage("app", { tag: "1" });

    const pulled = await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect(pulled.status).toBe(200);
    expect(pulled.headers["x-combined-registry"]).toContain("proxy");
  });

  it.each(unknown)("has the tags of the proxy: %s", async (_, tags) => {
    await using sides = await startSides({ tags });
    sides.proxy.addImage("app", { tag: "1" });

    for (const search of ["", "?n=10", "?last=0"]) {
      const listed = await fetchRaw(sides.router.url, `/v2/app/tags/list${search}`);

      expect(JSON.parse(listed.body.toString()).tags).toEqual(["1"]);
    }
  });

  it.each(unknown)("is not hosted's to explain: %s", async (_, tags) => {
    await using sides = await startSides({ tags }, owned);
    sides.proxy.addImage("app", { tag: "1" });

    const { upstreams } = await sides.router.handler.explain("app:1");

    expect(upstreams.map(({ name }) => name)).toContain("proxy");
  });

  it("costs no more pages than one, where the first page has an image", async () => {
    const tags = [{ body: list(["1", ...signatures]), next: true }, { body: list(["2"]) }];
    await using sides = await startSides({ tags }, owned);

    await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect(sides.hosted.heard.filter((one) => one.includes("tags/list"))).toHaveLength(1);
  });

  it("fails as a merged list while the proxy fails", async () => {
    await using sides = await startSides({ tags: [{ body: list(signatures) }] }, { lists: "merge" });
    await sides.proxy.close();

    const listed = await fetchRaw(sides.router.url, "/v2/app/tags/list");

    expect(listed.status).toBe(502);
  });

  it("is listed as hosted does, where no proxy has it", async () => {
    await using sides = await startSides({ tags: [{ body: list(signatures) }] });

    const listed = await fetchRaw(sides.router.url, "/v2/app/tags/list");

    expect(listed.status).toBe(200);
    expect(JSON.parse(listed.body.toString()).tags).toEqual(signatures);
  });
});

const known = [
  ["a tag beside signatures", [{ body: list([...signatures, "1"]) }]],
  ["a tag on the second page", [{ body: list(signatures), next: true }, { body: list(["1"]) }]],
  ["a tag behind an empty page", [{ body: list([]), next: true }, { body: list(["1"]) }]],
] as const;

describe("a repository in which hosted has an image", () => {
  it.each(known)("is owned: %s", async (_, tags) => {
    await using sides = await startSides({ tags }, owned);
    sides.proxy.addImage("app", { tag: "1" });

    const pulled = await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect(pulled.status).toBe(404);
    expect(sides.proxy.requests).toEqual([]);
  });

  it.each([
    [401, "tags/list"],
    [403, "tags/list"],
    [405, "tags/list"],
  ])("fails where hosted answers its list with %d, and says so", async (status, words) => {
    await using sides = await startSides({ tags: [{ status, body: "" }] }, owned);
    sides.proxy.addImage("app", { tag: "1" });

    const pulled = await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect(pulled.status).toBe(502);
    expect(pulled.body.toString()).toContain(words);
    expect(sides.proxy.requests).toEqual([]);
  });
});

describe("a push of what only signs or describes", () => {
  it.each(signatures)("as %s does not make the repository owned", async (tag) => {
    await using sides = await startSides({ tags: [{ body: list([tag]) }] }, owned);
    sides.proxy.addImage("app", { tag: "1" });

    const put = await putManifest(sides.router, "app", tag, manifestOf());
    const pulled = await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect([put.status, pulled.status]).toEqual([201, 200]);
  });

  it("with a subject, whose index the router writes, does not make the repository owned", async () => {
    await using sides = await startSides({ tags: [{ body: list([`sha256-${hex}`]) }] }, owned);
    sides.proxy.addImage("app", { tag: "1" });
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      subject: { mediaType: manifestType, digest: `sha256:${hex}`, size: 2 },
    });

    const put = await putManifest(sides.router, "app", digestOf(body), body);
    const pulled = await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect([put.status, pulled.status]).toEqual([201, 200]);
    expect(sides.hosted.manifests.has(`sha256-${hex}`)).toBe(true);
  });
});

const error = (code: string) => JSON.stringify({ errors: [{ code, message: "no" }] });
const makes: readonly (readonly [string, Make])[] = [
  ["accepts anything", {}],
  ["accepts with 202", { accepted: 202 }],
  ["says 404 MANIFEST_BLOB_UNKNOWN", { missing: { status: 404, body: error("MANIFEST_BLOB_UNKNOWN") } }],
  ["says 500 UNKNOWN", { missing: { status: 500, body: error("UNKNOWN") } }],
  ["says 500 without a word", { missing: { status: 500, body: "" } }],
  ["says 500 BLOB_UNKNOWN", { missing: { status: 500, body: error("BLOB_UNKNOWN") } }],
  ["says 422 without a word", { missing: { status: 422, body: "" } }],
  ["says 400 with a code of its own", { missing: { status: 400, body: error("MANIFEST_UNVERIFIED") } }],
];

describe("what a HEAD promised from a proxy", () => {
  it.each(makes)("is at hosted before a push is done, at one that %s", async (_, make) => {
    await using sides = await startSides(make);
    const layer = sides.proxy.addBlob("app", "layer");
    const body = manifestOf({ digest: layer.digest, size: 5 });

    const head = await fetchRaw(sides.router.url, `/v2/app/blobs/${layer.digest}`, { method: "HEAD" });
    const put = await putManifest(sides.router, "app", "1", body);

    expect(head.status).toBe(200);
    expect(put.status).toBe(make.accepted ?? 201);
    expect([...sides.hosted.blobs]).toEqual([layer.digest]);
    expect(sides.hosted.manifests.has("1")).toBe(true);
  });

  it.each(makes)("is there as well where another process answered the HEAD: %s", async (_, make) => {
    await using sides = await startSides(make, owned);
    const layer = sides.proxy.addBlob("app", "layer");

    const put = await putManifest(sides.router, "app", "1", manifestOf({ digest: layer.digest, size: 5 }));

    expect(put.status).toBe(make.accepted ?? 201);
    expect([...sides.hosted.blobs]).toEqual([layer.digest]);
  });

  it("is copied with the children of an index, each with its own parts", async () => {
    await using sides = await startSides({});
    const child = sides.proxy.addImage("app", { tag: "1" });
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [{ mediaType: manifestType, digest: child.digest, size: child.size }],
    });

    const put = await putManifest(sides.router, "app", "all", body, indexType);

    expect(put.status).toBe(201);
    expect(sides.hosted.manifests.has(child.digest)).toBe(true);
  });

  it("that cannot be copied any more fails the push", async () => {
    await using sides = await startSides({});
    const layer = sides.proxy.addBlob("app", "layer");
    await fetchRaw(sides.router.url, `/v2/app/blobs/${layer.digest}`, { method: "HEAD" });
    await sides.proxy.close();

    const put = await putManifest(sides.router, "app", "1", manifestOf({ digest: layer.digest, size: 5 }));

    expect(put.status).toBe(502);
    expect(put.body.toString()).toContain("not pushed: parts that a proxy has could not be copied to hosted");
    expect([...sides.hosted.manifests.keys()]).toEqual([]);
  });

  it.each(makes)(
    "that another process promised, and that cannot be copied, fails the push as well: %s",
    async (_, make) => {
      await using sides = await startSides(make);
      const layer = sides.proxy.addBlob("app", "layer");
      await sides.proxy.close();

      const put = await putManifest(sides.router, "app", "1", manifestOf({ digest: layer.digest, size: 5 }));

      expect(put.status).toBe(502);
      expect([...sides.hosted.manifests.keys()]).toEqual([]);
    },
  );
});

describe("a manifest that hosted accepts with another 2xx", () => {
  it.each([200, 202, 204])("%d: it is listed among its subject's referrers", async (status) => {
    await using sides = await startSides({ accepted: status });
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      subject: { mediaType: manifestType, digest: `sha256:${hex}`, size: 2 },
    });

    const put = await putManifest(sides.router, "app", digestOf(body), body);

    expect([put.status, put.headers["oci-subject"]]).toEqual([status, `sha256:${hex}`]);
    expect(sides.hosted.manifests.get(`sha256-${hex}`)?.toString()).toContain(digestOf(body));
  });
});

describe("what nobody promised", () => {
  it("costs no request where the layers were uploaded before", async () => {
    await using sides = await startSides({});
    const digest = digestOf("layer");
    await fetchRaw(sides.router.url, `/v2/app/blobs/uploads/1?digest=${digest}`, {
      method: "PUT",
      body: "layer",
    });
    sides.hosted.heard.length = 0;

    const put = await putManifest(sides.router, "app", "1", manifestOf({ digest, size: 5 }));

    expect(put.status).toBe(201);
    expect(sides.hosted.heard).toEqual(["PUT /v2/app/manifests/1"]);
  });

  it("is looked for where an upload named two digests", async () => {
    await using sides = await startSides({});
    const digests = ["layer", "other"].map((content) => digestOf(content));
    await fetchRaw(sides.router.url, `/v2/app/blobs/uploads/1?digest=${digests.join("&digest=")}`, {
      method: "PUT",
      body: "layer",
    });
    sides.hosted.heard.length = 0;

    await putManifest(
      sides.router,
      "app",
      "1",
      manifestOf(...digests.map((digest) => ({ digest, size: 5 }))),
    );

    expect(sides.hosted.heard.slice(0, 2).sort()).toEqual(
      digests.map((digest) => `HEAD /v2/app/blobs/${digest}`).sort(),
    );
  });

  it("of a tag is asked for again, where hosted accepts ?tag= without a word", async () => {
    await using sides = await startSides({ tags: [{ body: '{"name":"app","tags":[]}' }] }, owned);
    const list = "GET /v2/app/tags/list";
    const asked = () => sides.hosted.heard.filter((line) => line === list).length;
    const body = manifestOf();
    await fetchRaw(sides.router.url, "/v2/app/manifests/1");
    const before = asked();

    await putManifest(sides.router, "app", `${digestOf(body)}?tag=1`, body);
    await fetchRaw(sides.router.url, "/v2/app/manifests/1");

    expect([before > 0, asked()]).toEqual([true, 2 * before]);
  });

  it("may be missing, where hosted takes a sparse image", async () => {
    await using sides = await startSides({});

    const put = await putManifest(
      sides.router,
      "app",
      "1",
      manifestOf({ digest: digestOf("none"), size: 4 }),
    );

    expect(put.status).toBe(201);
  });

  it.each([401, 403, 413, 429])("is not looked for after a refusal with %d", async (status) => {
    await using sides = await startSides({ missing: { status, body: error("DENIED") } });
    const digest = digestOf("layer");
    await fetchRaw(sides.router.url, `/v2/app/blobs/uploads/1?digest=${digest}`, {
      method: "PUT",
      body: "layer",
    });
    sides.hosted.blobs.clear();
    sides.proxy.addBlob("app", "layer");

    await putManifest(sides.router, "app", "1", manifestOf({ digest, size: 5 }));

    expect([...sides.hosted.blobs]).toEqual([]);
  });
});

describe("referrers", () => {
  const subject = `sha256:${hex}`;
  const entry = { mediaType: manifestType, digest: digestOf("signature"), size: 2 };
  const index = (...manifests: unknown[]) =>
    JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });

  it("are a failure after a 500 that does not say that the endpoint is unsupported", async () => {
    await using sides = await startSides({ referrers: { status: 500, body: error("UNKNOWN") } });

    const { status } = await fetchRaw(sides.router.url, `/v2/app/referrers/${subject}`);

    expect(status).toBe(502);
  });

  it.each([400, 401, 403, 404, 405, 406, 500, 501])(
    "are read from the tag where the endpoint is answered %d",
    async (status) => {
      await using sides = await startSides({ referrers: { status, body: error("UNSUPPORTED") } });
      sides.hosted.manifests.set(`sha256-${hex}`, Buffer.from(index(entry)));

      const listed = await fetchRaw(sides.router.url, `/v2/app/referrers/${subject}`);

      expect(listed.status).toBe(200);
      expect(JSON.parse(listed.body.toString()).manifests).toEqual([entry]);
    },
  );

  it.each(["artifactType", "ArtifactType", "other, artifactType", '"artifactType"'])(
    "that hosted filtered are not filtered again: %s",
    async (applied) => {
      const headers = { "OCI-Filters-Applied": applied, "Content-Type": indexType };
      await using sides = await startSides({
        referrers: { status: 200, body: index(entry, 7, { digest: "no" }), headers },
      });

      const listed = await fetchRaw(sides.router.url, `/v2/app/referrers/${subject}?artifactType=a/b`);

      expect(JSON.parse(listed.body.toString()).manifests).toEqual([entry]);
    },
  );
});
