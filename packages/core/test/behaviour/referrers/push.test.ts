import { createHash } from "node:crypto";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { emptyConfig, indexType, listed, manifestType, referrer, tagOf } from "../../support/referrers.ts";
import { type RunningRouter, startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const subject = `sha256:${"a".repeat(64)}`;
const tagPath = `/v2/a/manifests/${tagOf(subject)}`;

async function startFor({ hostedHasApi }: { readonly hostedHasApi: boolean }) {
  const sides = await startSides({
    proxies: { proxy: { registry: { referrers: false } } },
    hosted: { registry: { referrers: hostedHasApi } },
  });
  sides.hosted.addBlob("a", "{}");
  return sides;
}

function digestOf(body: string): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

function put({ url }: RunningRouter, manifest: object, reference?: string): Promise<Received> {
  const body = JSON.stringify(manifest);
  return fetchRaw(url, `/v2/a/manifests/${reference ?? digestOf(body)}`, {
    method: "PUT",
    headers: { "Content-Type": manifestType },
    body,
  });
}

function digestAt(answer: Received): string {
  return String(answer.headers["docker-content-digest"]);
}

function indexAt(hosted: TestRegistry): string[] {
  return listed({ body: hosted.manifest("a", tagOf(subject)) ?? Buffer.from('{"manifests":[]}') });
}

function methods({ requests }: TestRegistry): string[] {
  return requests.map(({ method, path }) => `${method} ${path.slice("/v2/a/".length)}`);
}

describe("a manifest with a subject, pushed to a hosted registry without the referrers API", () => {
  it("is listed under the referrers tag, and OCI-Subject tells the client that it need not do so", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;

    const manifest = referrer(subject, "type/sbom", "first");
    const first = await put(router, manifest);
    const second = await put(router, referrer(subject, undefined, "second"), "by-tag");
    const again = await put(router, manifest);
    const found = await fetchRaw(router.url, `/v2/a/referrers/${subject}`);

    expect([first.status, second.status, again.status]).toEqual([201, 201, 201]);
    expect([first, second, again].map(({ headers }) => headers["oci-subject"])).toEqual([
      subject,
      subject,
      subject,
    ]);
    expect(JSON.parse(found.body.toString()).manifests).toEqual([
      {
        mediaType: manifestType,
        digest: digestAt(first),
        size: JSON.stringify(manifest).length,
        artifactType: "type/sbom",
        annotations: { note: "first" },
      },
      expect.objectContaining({ digest: digestAt(second), artifactType: emptyConfig.mediaType }),
    ]);
    expect(hosted.requests.find(({ method, path }) => method === "PUT" && path === tagPath)).toMatchObject({
      headers: { "content-type": indexType },
    });
  });

  it("is listed, as is every other one that is pushed at the same time", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;

    const pushed = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        put(router, referrer(subject, "type/signature", String(number))),
      ),
    );

    expect(indexAt(hosted)).toEqual(pushed.map(digestAt).sort());
  });

  it("is an error if it cannot be listed, and listed when the client pushes again", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const manifest = referrer(subject, "type/sbom", "x");
    const fault = hosted.fault({ method: "PUT", path: tagPath, status: 500 });

    const failed = await put(router, manifest);
    fault.remove();
    hosted.fault({ method: "GET", path: tagPath, status: 503, times: 1 });
    const unread = await put(router, manifest);
    const again = await put(router, manifest);

    expect([failed.status, unread.status, again.status]).toEqual([502, 502, 201]);
    expect(errorOf(failed).message).toBe(
      `hosted failed (accepted the manifest, but it could not be listed among the referrers of ${subject}: answered 500)`,
    );
    expect(failed.headers["oci-subject"]).toBeUndefined();
    expect(indexAt(hosted)).toEqual([digestAt(again)]);
  });

  it("is an error if the tag has another manifest, which stays", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const other = { schemaVersion: 2, mediaType: manifestType, layers: [] };
    await put(router, other, tagOf(subject));

    const failed = await put(router, referrer(subject, "type/sbom", "x"));

    expect(failed.status).toBe(502);
    expect(errorOf(failed).message).toContain(
      `the tag ${tagOf(subject)} has a manifest that is no index of referrers`,
    );
    expect(hosted.manifest("a", tagOf(subject))?.toString()).toBe(JSON.stringify(other));
  });

  it("is listed although its client leaves after hosted has it", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const reading = hosted.fault({ method: "GET", path: tagPath, delay: 200 });
    const body = JSON.stringify(referrer(subject, "type/sbom", "x"));
    const leaving = new AbortController();
    const pushed = fetch(`${router.url}/v2/a/manifests/${digestOf(body)}`, {
      method: "PUT",
      headers: { "Content-Type": manifestType },
      body,
      signal: leaving.signal,
    });
    const gone = expect(pushed).rejects.toThrow();
    await until(5_000, "the list to be read", () => reading.hits === 1);
    leaving.abort();

    await gone;
    await until(5_000, "the manifest to be listed", () => indexAt(hosted).length > 0);
    expect(indexAt(hosted)).toEqual([digestOf(body)]);
  });

  it("replaces listed manifests that no longer exist, which hosted would refuse to list", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const stays = digestAt(await put(router, referrer(subject, "type/sbom", "stays")));
    const goes = digestAt(await put(router, referrer(subject, "type/sbom", "goes")));
    await fetchRaw(hosted.url, `/v2/a/manifests/${goes}`, { method: "DELETE" });

    const added = await put(router, referrer(subject, "type/sbom", "added"));

    expect(added.status).toBe(201);
    expect(indexAt(hosted)).toEqual([stays, digestAt(added)].sort());
  });

  it("is an error if hosted refuses to list it, and the others stay listed", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const stays = digestAt(await put(router, referrer(subject, "type/sbom", "stays")));
    const manifest = referrer(subject, "type/sbom", "refused");
    const detail = digestOf(JSON.stringify(manifest));
    const body = { errors: [{ code: "MANIFEST_BLOB_UNKNOWN", detail }] };
    hosted.fault({ method: "PUT", path: tagPath, times: 1, status: 400, body });

    const refused = await put(router, manifest);

    expect(refused.status).toBe(502);
    expect(errorOf(refused).message).toContain("answered 400");
    expect(indexAt(hosted)).toEqual([stays]);
  });

  it("is not listed where hosted refuses it, and the client gets hosted's error", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const missing = { ...emptyConfig, digest: `sha256:${"b".repeat(64)}` };

    const refused = await put(router, { ...referrer(subject, "type/sbom", "x"), config: missing });

    expect(errorOf(refused).code).toBe("MANIFEST_BLOB_UNKNOWN");
    expect(methods(hosted).filter((line) => !line.startsWith("HEAD blobs/"))).toHaveLength(1);
  });

  it("is removed from the list when it is deleted", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const stays = digestAt(await put(router, referrer(subject, "type/sbom", "stays")));
    const goes = digestAt(await put(router, referrer(subject, "type/sbom", "goes")));

    const deleted = await fetchRaw(router.url, `/v2/a/manifests/${goes}`, { method: "DELETE" });

    expect([deleted.status, deleted.headers.warning]).toEqual([202, undefined]);
    expect(indexAt(hosted)).toEqual([stays]);
  });

  it("is deleted with a Warning if it cannot be removed from the list", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const digest = digestAt(await put(router, referrer(subject, "type/sbom", "x")));
    hosted.fault({ method: "PUT", path: tagPath, status: 500 });

    const deleted = await fetchRaw(router.url, `/v2/a/manifests/${digest}`, { method: "DELETE" });

    expect(deleted.status).toBe(202);
    expect(deleted.headers.warning).toContain(
      `"still listed among the referrers of ${subject}: hosted answered 500"`,
    );
  });

  it("stays on the list if hosted does not delete it", async () => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const digest = digestAt(await put(router, referrer(subject, "type/sbom", "x")));
    hosted.fault({ method: "DELETE", status: 405 });

    const refused = await fetchRaw(router.url, `/v2/a/manifests/${digest}`, { method: "DELETE" });

    expect([refused.status, indexAt(hosted)]).toEqual([405, [digest]]);
  });
});

describe("a hosted registry with the referrers API", () => {
  it("adds to and removes from the list by itself", async () => {
    await using sides = await startFor({ hostedHasApi: true });
    const { hosted, router } = sides;

    const pushed = await put(router, referrer(subject, "type/sbom", "x"), "1");
    const digest = digestAt(pushed);
    await fetchRaw(router.url, `/v2/a/manifests/${digest}`, { method: "DELETE" });

    expect(pushed.headers["oci-subject"]).toBe(subject);
    // This process knows of no upload of the configuration, so hosted is asked whether it has it.
    expect(methods(hosted)).toEqual([
      expect.stringMatching(/^HEAD blobs\/sha256:/),
      "PUT manifests/1",
      `DELETE manifests/${digest}`,
    ]);
  });
});

describe("a manifest", () => {
  const limit = 4 * 1024 * 1024;

  it.each([
    ["with a length", {}],
    ["in chunks", { "Transfer-Encoding": "chunked" }],
  ])("of up to 4 MiB is pushed %s, and a longer one is answered 413", async (_, headers) => {
    await using sides = await startFor({ hostedHasApi: false });
    const { hosted, router } = sides;
    const push = (size: number) =>
      fetchRaw(router.url, "/v2/a/manifests/1", { method: "PUT", headers, body: "{}".padEnd(size) });

    const fits = await push(limit);
    const tooLong = await push(limit + 1);

    expect([fits.status, tooLong.status, errorOf(tooLong).code]).toEqual([201, 413, "SIZE_INVALID"]);
    expect(hosted.requests.map(({ bodyBytes }) => bodyBytes)).toEqual([limit]);
    expect(hosted.requests[0]?.headers).toMatchObject({ "content-length": String(limit) });
  });

  it("that its client does not send to the end reaches no upstream", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      limits: { clientIdle: 100 },
    });

    const cut = fetchRaw(router.url, "/v2/a/manifests/1", {
      method: "PUT",
      headers: { "Content-Length": "100" },
      body: "{}",
    });

    await expect(cut).rejects.toThrow();
    expect(hosted.requests).toEqual([]);
  });
});
