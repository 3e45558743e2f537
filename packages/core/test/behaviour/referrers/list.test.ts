import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { attachByTag, indexType, listed, referrer, tagOf } from "../../support/referrers.ts";
import { startRouter } from "../../support/router.ts";

const subject = `sha256:${"a".repeat(64)}`;
const target = `/v2/a/referrers/${subject}`;
const none = { schemaVersion: 2, mediaType: indexType, manifests: [] };
const signature = "application/vnd.dev.cosign.artifact.sig.v1+json";
const sbom = "application/spdx+json";

describe("referrers", () => {
  it("are merged from every upstream with the API, without duplicates, and filtered", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const shared = referrer(subject, sbom, "shared");
    const atBoth = proxy.addManifest("a", shared);
    hosted.addManifest("a", shared);
    const atProxy = proxy.addManifest("a", referrer(subject, signature, "public"));
    const atHosted = hosted.addManifest("a", referrer(subject, sbom, "private"));
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const all = await fetchRaw(router.url, target);
    const filtered = await fetchRaw(router.url, `${target}?artifactType=${encodeURIComponent(signature)}`);

    expect(all.headers["content-type"]).toBe(indexType);
    expect(all.headers["oci-filters-applied"]).toBeUndefined();
    expect(listed(all)).toEqual([atBoth.digest, atProxy.digest, atHosted.digest].sort());
    expect(listed(filtered)).toEqual([atProxy.digest]);
    expect(filtered.headers["oci-filters-applied"]).toBe("artifactType");
  });

  it.each([
    ["hosted has the API and the proxy does not", true],
    ["the proxy has the API and hosted does not", false],
  ])("of cosign and of oras are found at both upstreams where %s", async (_, hostedHasApi) => {
    await using proxy = await startRegistry({ referrers: !hostedHasApi });
    await using hosted = await startRegistry({ referrers: hostedHasApi });
    const [withApi, without] = hostedHasApi ? [hosted, proxy] : [proxy, hosted];
    const expected = [
      withApi.addManifest("a", referrer(subject, signature, "with")),
      withApi.addManifest("a", referrer(subject, sbom, "with")),
      attachByTag(without, "a", subject, signature, "without"),
      attachByTag(without, "a", subject, sbom, "without"),
    ].map(({ digest }) => digest);
    withApi.addImage("a", { tag: `${tagOf(subject)}.sig` });
    without.addImage("a", { tag: `${tagOf(subject)}.sbom` });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const all = await fetchRaw(router.url, target);
    const filtered = await fetchRaw(router.url, `${target}?artifactType=${encodeURIComponent(sbom)}`);
    const tagged = await Promise.all(
      ["sig", "sbom"].map((kind) => fetchRaw(router.url, `/v2/a/manifests/${tagOf(subject)}.${kind}`)),
    );

    expect(listed(all)).toEqual([...expected].sort());
    expect(listed(filtered)).toEqual([expected[1], expected[3]].sort());
    expect(tagged.map(({ status }) => status)).toEqual([200, 200]);
  });

  it("are an empty index instead of 404 where no upstream has any, knows the repository or may be asked for it", async () => {
    await using proxy = await startRegistry({ referrers: false });
    await using hosted = await startRegistry({ referrers: false });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, match: "elsewhere/**" },
      rules: [{ match: "nowhere", pull: ["proxy"] }],
    });

    const unknown = await fetchRaw(router.url, target);
    const unasked = await fetchRaw(router.url, `/v2/nowhere/referrers/${subject}`);

    for (const { status, body } of [unknown, unasked]) {
      expect([status, JSON.parse(body.toString())]).toEqual([200, none]);
    }
    expect(proxy.requests).toEqual([]);
  });

  it.each([
    ["405", { status: 405 }],
    ["404 in JSON that is not OCI's", { status: 404, body: { message: "no route" } }],
    ["404 MANIFEST_UNKNOWN", { status: 404, body: { errors: [{ code: "MANIFEST_UNKNOWN" }] } }],
    ["401, as for names that are not known", { status: 401 }],
    ["303 to somewhere else, as ghcr.io does", { status: 303, headers: { Location: "http://127.0.0.1:9/" } }],
    [
      "200 with a page for people",
      { status: 200, headers: { "Content-Type": "text/html" }, body: "<html></html>" },
    ],
  ])("are read from the referrers tag where an upstream answers %s", async (_, fault) => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    proxy.fault({ path: /referrers/, ...fault });
    const { digest } = attachByTag(proxy, "a", subject, sbom, "x");
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, target, { headers: { Accept: "application/json" } });

    expect([answer.status, listed(answer), answer.headers.warning]).toEqual([200, [digest], undefined]);
    expect(proxy.requests.at(-1)?.headers.accept).toBe(indexType);
  });

  it.each(["NOT_FOUND", "MANIFEST_UNKNOWN"])(
    "go on being asked of a member's API that says 404 %s of another repository",
    async (code) => {
      await using proxy = await startRegistry();
      await using hosted = await startRegistry();
      const { digest } = hosted.addManifest("a", referrer(subject, sbom, "x"));
      hosted.fault({ path: /elsewhere\/referrers/, status: 404, body: { errors: [{ code }] } });
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

      await fetchRaw(router.url, `/v2/elsewhere/referrers/${subject}`);

      expect(listed(await fetchRaw(router.url, target))).toEqual([digest]);
    },
  );

  it("are not taken from the referrers tag if that is no index, or the subject itself", async () => {
    await using proxy = await startRegistry({ referrers: false });
    await using hosted = await startRegistry({ referrers: false });
    const child = hosted.addManifest("a", referrer(subject, sbom, "child"));
    const image = hosted.addManifest("a", { schemaVersion: 2, mediaType: indexType, manifests: [child] });
    hosted.addManifest(
      "a",
      { schemaVersion: 2, mediaType: indexType, manifests: [child] },
      { tag: tagOf(image.digest) },
    );
    proxy.addImage("a", { tag: tagOf(image.digest) });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, `/v2/a/referrers/${image.digest}`);

    expect([answer.status, listed(answer)]).toEqual([200, []]);
  });

  it("are read through an upstream's redirect, although clients' own requests are not followed", async () => {
    await using elsewhere = await startRegistry();
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const { digest } = elsewhere.addManifest("a", referrer(subject, sbom, "x"));
    proxy.fault({ path: /referrers/, status: 307, headers: { Location: `${elsewhere.url}${target}` } });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    expect(listed(await fetchRaw(router.url, target))).toEqual([digest]);
  });

  it("are read page by page, and an upstream's Link cannot lead elsewhere", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const page = (digit: string, next: string | undefined) => ({
      status: 200,
      headers: {
        "Content-Type": indexType,
        ...(next !== undefined && {
          Link: `<http://127.0.0.1:9/v2/other/tags/list?page=${next}>; rel="next"`,
        }),
      },
      body: { schemaVersion: 2, manifests: [{ digest: `sha256:${digit.repeat(64)}` }] },
    });
    hosted.fault({ path: target, ...page("1", "2") });
    hosted.fault({ path: `${target}?page=2`, ...page("2", "3") });
    hosted.fault({ path: `${target}?page=3`, ...page("3", undefined) });
    proxy.fault({ path: /referrers/, ...page("4", "2") });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, target);

    expect(listed(answer)).toEqual(["1", "2", "3"].map((digit) => `sha256:${digit.repeat(64)}`));
    expect(answer.headers.warning).toContain('"proxy failed (has more than 50 pages of referrers)"');
    expect(proxy.requests).toHaveLength(50);
  });

  it("of a proxy that do not fit into one index with hosted's are omitted, with a Warning", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const long = "x".repeat(3 * 1024 * 1024);
    proxy.addManifest("a", referrer(subject, sbom, long));
    const { digest } = hosted.addManifest("a", referrer(subject, sbom, `${long}y`));
    const short = proxy.addManifest("a", referrer(subject, signature, "short"));
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const all = await fetchRaw(router.url, target);
    const filtered = await fetchRaw(router.url, `${target}?artifactType=${encodeURIComponent(signature)}`);
    const next = { Link: `<${target}?page=2>; rel="next"` };
    const body = { manifests: [{ digest: `sha256:${"9".repeat(64)}`, annotations: { long } }] };
    hosted.fault({ path: /referrers/, status: 200, headers: next, body });
    const tooLong = await fetchRaw(router.url, target);

    expect([listed(all), listed(filtered)]).toEqual([[digest], [short.digest]]);
    expect(all.headers.warning).toContain("proxy failed (has more referrers than fit into an index of 4 MiB");
    expect(tooLong.status).toBe(502);
    expect(errorOf(tooLong).message).toContain("hosted failed (has more referrers than fit");
  });

  it("come with a Warning that names a failed upstream, and are an error when hosted or every upstream failed", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    hosted.addManifest("a", referrer(subject, sbom, "x"));
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      rules: [{ match: "public", pull: ["proxy"] }],
    });
    proxy.fault({ status: 500 });
    const partial = await fetchRaw(router.url, target);
    const unknown = await fetchRaw(router.url, `/v2/public/referrers/${subject}`);
    hosted.fault({ status: 500 });
    const failed = await fetchRaw(router.url, target);

    expect(listed(partial)).toHaveLength(1);
    expect(partial.headers.warning).toContain('"proxy failed (answered 500)"');
    for (const answer of [unknown, failed]) {
      expect([answer.status, errorOf(answer).code]).toEqual([502, "UPSTREAM_FAILED"]);
    }
  });

  it("are an error when hosted fails to answer for the referrers tag", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry({ referrers: false });
    hosted.fault({ path: /manifests/, status: 500 });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    expect((await fetchRaw(router.url, target)).status).toBe(502);
  });

  it("are hosted's own error where it refuses a client with auth passthrough", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry({ auth: { username: "a", password: "b" } });
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
    });

    const answer = await fetchRaw(router.url, target);

    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringMatching(/^Basic/),
    ]);
  });

  it.each([
    [1, { status: 404 }],
    [1, { status: 405 }],
    [1, { status: 303, headers: { Location: "/elsewhere" } }],
    [2, { status: 401 }],
    [2, { status: 404, body: { errors: [{ code: "MANIFEST_UNKNOWN" }] } }],
  ])(
    "are requested %i times from an API that answers %j, and each time from the tag",
    async (times, fault) => {
      await using proxy = await startRegistry();
      await using hosted = await startRegistry();
      proxy.fault({ path: target, ...fault });
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

      await fetchRaw(router.url, target);
      await fetchRaw(router.url, target);

      const paths = proxy.requests.map(({ path }) => path);
      const tags = paths.filter((path) => path === `/v2/a/manifests/${tagOf(subject)}`);
      expect([paths.length - tags.length, tags.length]).toEqual([times, 2]);
    },
  );
});
