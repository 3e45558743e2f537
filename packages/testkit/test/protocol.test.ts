import { createHash } from "node:crypto";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { codesOf, send } from "./support/client.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const digestOf = (content: string, algorithm = "sha256") =>
  `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;

describe("pulling", () => {
  it.each(["app", "a/b/c/d", "manifests/blobs/tags", "x/blobs/uploads", "tags/list"])(
    "works for the name %s",
    async (name) => {
      await using registry = await startRegistry();
      const image = registry.addImage(name, { tag: "1.0", layers: ["one", "two"] });

      const byTag = await send(registry.url, "GET", `/v2/${name}/manifests/1.0`);
      const byDigest = await send(registry.url, "GET", `/v2/${name}/manifests/${image.digest}`);
      const head = await send(registry.url, "HEAD", `/v2/${name}/manifests/1.0`);
      const layer = await send(registry.url, "GET", `/v2/${name}/blobs/${image.layers[1]?.digest}`);
      const tags = await send(registry.url, "GET", `/v2/${name}/tags/list`);

      expect(byTag.headers).toMatchObject({
        "content-type": manifestType,
        "docker-content-digest": image.digest,
        "docker-distribution-api-version": "registry/2.0",
      });
      expect(digestOf(byTag.body.toString())).toBe(image.digest);
      expect(byDigest.body.equals(byTag.body)).toBe(true);
      expect([head.headers["content-length"], head.body.length]).toEqual([String(image.size), 0]);
      expect(layer.body).toHaveLength(image.layers[1]?.size ?? 0);
      expect(JSON.parse(tags.body.toString())).toEqual({ name, tags: ["1.0"] });
    },
  );

  it.each<[string, number, string | undefined, string]>([
    ["bytes=2-4", 206, "bytes 2-4/10", "234"],
    ["bytes=7-", 206, "bytes 7-9/10", "789"],
    ["bytes=-3", 206, "bytes 7-9/10", "789"],
    ["bytes=8-99", 206, "bytes 8-9/10", "89"],
    ["bytes=10-", 416, "bytes */10", ""],
    ["bytes=5-2", 200, undefined, "0123456789"],
    ["bytes=0-1,4-5", 200, undefined, "0123456789"],
  ])("of a blob with Range: %s is %i", async (range, status, contentRange, body) => {
    await using registry = await startRegistry();
    const { digest } = registry.addBlob("a", "0123456789");

    const answer = await send(registry.url, "GET", `/v2/a/blobs/${digest}`, { headers: { Range: range } });

    expect([answer.status, answer.headers["content-range"], answer.body.toString()]).toEqual([
      status,
      contentRange,
      body,
    ]);
  });

  it("answers 304 to whoever has it already", async () => {
    await using registry = await startRegistry();
    const image = registry.addImage("a", { tag: "1" });
    const headers = { "If-None-Match": `"${image.digest}"` };

    expect((await send(registry.url, "GET", "/v2/a/manifests/1", { headers })).status).toBe(304);
  });

  it.each([
    ["/v2/a/manifests/none", "MANIFEST_UNKNOWN"],
    [`/v2/a/blobs/sha256:${"0".repeat(64)}`, "BLOB_UNKNOWN"],
    ["/v2/none/tags/list", "NAME_UNKNOWN"],
  ])("%s is 404 %s", async (target, code) => {
    await using registry = await startRegistry();
    const answer = await send(registry.url, "GET", target);

    expect([answer.status, codesOf(answer)]).toEqual([404, [code]]);
  });

  it.each<
    [NonNullable<Parameters<typeof startRegistry>[0]>["unknownManifestDigest"] & string, number, RegExp]
  >([
    ["not-found", 404, /"MANIFEST_UNKNOWN"/],
    ["distribution-2", 500, /"UNKNOWN".*"MANIFEST_UNKNOWN"/],
    ["distribution-3", 500, /"UNKNOWN".*"manifest unknown: manifest unknown"/],
  ])("an unknown manifest digest, in the style %s, is %i", async (unknownManifestDigest, status, body) => {
    await using registry = await startRegistry({ unknownManifestDigest });
    const answer = await send(registry.url, "GET", `/v2/a/manifests/sha256:${"0".repeat(64)}`);

    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toMatch(body);
  });
});

describe("pushing", () => {
  it("takes a blob in one request, in two, and in chunks, and knows sha512", async () => {
    await using registry = await startRegistry();
    const begin = async () =>
      (await send(registry.url, "POST", "/v2/a/blobs/uploads/")).headers.location ?? "";

    const single = await send(registry.url, "POST", `/v2/a/blobs/uploads/?digest=${digestOf("single")}`, {
      body: "single",
    });
    const two = await send(registry.url, "PUT", `${await begin()}&digest=${digestOf("two", "sha512")}`, {
      body: "two",
    });
    const first = await send(registry.url, "PATCH", await begin(), {
      body: "chu",
      headers: { "Content-Range": "0-2" },
    });
    const state = await send(registry.url, "GET", first.headers.location ?? "");
    const second = await send(registry.url, "PATCH", first.headers.location ?? "", {
      body: "nks",
      headers: { "Content-Range": "3-5" },
    });
    const chunks = await send(registry.url, "PUT", `${second.headers.location}&digest=${digestOf("chunks")}`);

    expect([single, two, first, second, chunks].map(({ status }) => status)).toEqual([
      201, 201, 202, 202, 201,
    ]);
    expect([state.status, state.headers.range]).toEqual([204, "0-2"]);
    for (const digest of [digestOf("single"), digestOf("two", "sha512"), digestOf("chunks")]) {
      expect([digest, registry.hasBlob("a", digest)]).toEqual([digest, true]);
    }
  });

  it("refuses a wrong digest, a chunk out of order and a session that is not there", async () => {
    await using registry = await startRegistry();
    const { headers } = await send(registry.url, "POST", "/v2/a/blobs/uploads/");
    const session = headers.location ?? "";

    const wrong = await send(registry.url, "PUT", `${session}&digest=${digestOf("other")}`, { body: "x" });
    const gap = await send(registry.url, "PATCH", session, {
      body: "x",
      headers: { "Content-Range": "7-7" },
    });
    const cancelled = await send(registry.url, "DELETE", session);
    const gone = await send(registry.url, "GET", session);

    expect([codesOf(wrong), codesOf(gap), cancelled.status, codesOf(gone)]).toEqual([
      ["DIGEST_INVALID"],
      ["BLOB_UPLOAD_INVALID"],
      204,
      ["BLOB_UPLOAD_UNKNOWN"],
    ]);
  });

  it("mounts from a repository, or from anywhere, or begins an upload", async () => {
    await using registry = await startRegistry();
    const { digest } = registry.addBlob("source", "x");
    const mount = async (query: string) =>
      (await send(registry.url, "POST", `/v2/target/blobs/uploads/?${query}`)).status;

    expect(await mount(`mount=${digest}&from=elsewhere`)).toBe(202);
    expect(await mount(`mount=${digest}&from=source`)).toBe(201);
    expect(await mount(`mount=${digest}`)).toBe(201);
    expect(registry.hasBlob("target", digest)).toBe(true);
  });

  it("takes a manifest whose parts are there, and names each part that is not", async () => {
    await using registry = await startRegistry();
    const [there, missing] = [registry.addBlob("a", "{}"), digestOf("missing")];
    const manifest = (digests: string[]) =>
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: { ...there },
        layers: digests.map((digest) => ({ digest, size: 1 })),
        subject: { digest: missing, size: 1 },
      });
    const put = (body: string, reference: string) =>
      send(registry.url, "PUT", `/v2/a/manifests/${reference}`, {
        body,
        headers: { "Content-Type": manifestType },
      });

    const good = await put(manifest([]), "1.0");
    const byDigest = await put(manifest([]), digestOf(manifest([]), "sha512"));
    const bad = await put(manifest([missing, digestOf("also missing")]), "2.0");
    const lying = await put(manifest([]), missing);

    expect(good.headers).toMatchObject({
      "docker-content-digest": digestOf(manifest([])),
      "oci-subject": missing,
    });
    expect(byDigest.status).toBe(201);
    expect([bad.status, codesOf(bad)]).toEqual([400, ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"]]);
    expect(bad.body.toString()).toContain(`"detail":"${missing}"`);
    expect(codesOf(lying)).toEqual(["DIGEST_INVALID"]);
    expect(registry.tags("a")).toEqual(["1.0"]);
    expect(registry.manifest("a", "1.0")?.toString()).toBe(manifest([]));
  });

  it("keeps only the digest of uploads that are to be discarded", async () => {
    await using registry = await startRegistry({ discardUploads: true });
    await send(registry.url, "POST", `/v2/a/blobs/uploads/?digest=${digestOf("x")}`, { body: "x" });

    const [head, get] = await Promise.all(
      ["HEAD", "GET"].map((method) => send(registry.url, method, `/v2/a/blobs/${digestOf("x")}`)),
    );

    expect([head?.status, head?.headers["content-length"], get?.status]).toEqual([200, "1", 404]);
  });

  it("builds absolute addresses as the client sees them when told to", async () => {
    await using registry = await startRegistry({ locations: "absolute" });
    const headers = { "X-Forwarded-Host": "registry.example", "X-Forwarded-Proto": "https" };

    const begun = await send(registry.url, "POST", "/v2/a/blobs/uploads/", { headers });

    expect(begun.headers.location).toMatch(/^https:\/\/registry\.example\/v2\/a\/blobs\/uploads\//);
  });
});

describe("deleting", () => {
  it("removes tags, manifests with their tags, and blobs, unless that is switched off", async () => {
    await using registry = await startRegistry();
    await using strict = await startRegistry({ deletes: false });
    const image = registry.addImage("a", { tags: ["1", "2"] });
    strict.addImage("a", { tag: "1" });
    const remove = async (url: string, target: string) => (await send(url, "DELETE", target)).status;

    expect(await remove(registry.url, "/v2/a/manifests/1")).toBe(202);
    expect(registry.tags("a")).toEqual(["2"]);
    expect(await remove(registry.url, `/v2/a/manifests/${image.digest}`)).toBe(202);
    expect([registry.tags("a"), registry.hasManifest("a", image.digest)]).toEqual([[], false]);
    expect(await remove(registry.url, `/v2/a/blobs/${image.config.digest}`)).toBe(202);
    expect(registry.hasBlob("a", image.config.digest)).toBe(false);
    expect(await remove(strict.url, "/v2/a/manifests/1")).toBe(405);
  });
});

describe("lists", () => {
  it.each([
    ["tags/list", "tags"],
    ["_catalog", "repositories"],
  ] as const)("%s is walked by its links, each entry once and in order", async (list, key) => {
    await using registry = await startRegistry();
    const names = ["e", "a", "d", "b", "c"];
    for (const name of names) {
      registry.addImage(list === "_catalog" ? name : "r", { tag: name });
    }
    const walked: string[] = [];
    let target = list === "_catalog" ? "/v2/_catalog?n=2" : "/v2/r/tags/list?n=2";
    while (target !== "" && walked.length < 10) {
      const { body, headers } = await send(registry.url, "GET", target);
      walked.push(...JSON.parse(body.toString())[key]);
      target = /^<([^>]*)>; rel="next"$/.exec(String(headers.link))?.[1] ?? "";
    }

    expect(walked).toEqual(["a", "b", "c", "d", "e"]);
  });

  it.each([
    ["sorted", ["B", "a", "c"], ["B", "a"], ["c"]],
    ["case-insensitive", ["a", "B", "c"], ["a", "B"], ["B", "c"]],
    ["whole", ["c", "a", "B"], ["c", "a", "B"], ["c", "a", "B"]],
    ["cursor", ["c", "a", "B"], ["c", "a"], ["c", "a", "B"]],
  ] as const)("%s: all, two, and those after a", async (lists, all, two, after) => {
    await using registry = await startRegistry({ lists });
    registry.addManifest("r", {}, { tags: ["c", "a", "B"] });
    const list = async (query: string) =>
      JSON.parse((await send(registry.url, "GET", `/v2/r/tags/list${query}`)).body.toString()).tags;

    expect([await list(""), await list("?n=2"), await list("?last=a")]).toEqual([all, two, after]);
  });

  it("a catalog has what is below a repository before what only begins like it", async () => {
    await using registry = await startRegistry();
    for (const name of ["a-b", "a/b", "a"]) {
      registry.addManifest(name, {});
    }

    expect(JSON.parse((await send(registry.url, "GET", "/v2/_catalog")).body.toString())).toEqual({
      repositories: ["a", "a/b", "a-b"],
    });
  });

  it("pages by cursor hold 100 entries, and link to the next by an address of their own", async () => {
    await using registry = await startRegistry({ lists: "cursor" });
    registry.addManifest("r", {}, { tags: Array.from({ length: 150 }, (_, index) => `t${index}`) });

    const first = await send(registry.url, "GET", "/v2/r/tags/list?n=1000");
    const second = await send(registry.url, "GET", "/v2/r/tags/list?cursor=100");

    expect(JSON.parse(first.body.toString()).tags).toHaveLength(100);
    expect(first.headers.link).toBe('<https://elsewhere.invalid/v2/r/tags/list?cursor=100>; rel="next"');
    expect([JSON.parse(second.body.toString()).tags.at(-1), second.headers.link]).toEqual([
      "t149",
      undefined,
    ]);
  });

  it("referrers are found by subject and filtered by type, where there is that API", async () => {
    await using registry = await startRegistry();
    await using old = await startRegistry({ referrers: false });
    const image = registry.addImage("a", { tag: "1" });
    const sbom = registry.addImage("a", { artifactType: "type/sbom", subject: image, layers: ["s"] });
    registry.addImage("a", { artifactType: "type/sig", subject: image, layers: ["g"] });
    const list = async (query: string) =>
      send(registry.url, "GET", `/v2/a/referrers/${image.digest}${query}`);

    const [all, filtered] = [await list(""), await list("?artifactType=type/sbom")];

    expect(JSON.parse(all.body.toString()).manifests).toHaveLength(2);
    expect(JSON.parse(filtered.body.toString()).manifests).toEqual([
      expect.objectContaining({ digest: sbom.digest, artifactType: "type/sbom" }),
    ]);
    expect(filtered.headers["oci-filters-applied"]).toBe("artifactType");
    expect((await send(old.url, "GET", `/v2/a/referrers/${image.digest}`)).headers["content-type"]).toMatch(
      /^text\/plain/,
    );
  });
});

describe("content that is made", () => {
  it("a generated blob is the same for the same seed, whole or in ranges", async () => {
    await using registry = await startRegistry();
    const size = 3_000_001;
    const { digest } = registry.addGeneratedBlob("a", { size, seed: 7 });
    const target = `/v2/a/blobs/${digest}`;

    const whole = await send(registry.url, "GET", target);
    const part = await send(registry.url, "GET", target, { headers: { Range: "bytes=1234567-2345678" } });

    expect(`sha256:${createHash("sha256").update(whole.body).digest("hex")}`).toBe(digest);
    expect(part.body.equals(whole.body.subarray(1_234_567, 2_345_679))).toBe(true);
    expect(registry.addGeneratedBlob("b", { size, seed: 7 }).digest).toBe(digest);
    expect(registry.addGeneratedBlob("b", { size, seed: 8 }).digest).not.toBe(digest);
  });

  it("an image for several platforms is an index of images", async () => {
    await using registry = await startRegistry();
    const image = registry.addImage("a", { tag: "1", platforms: ["linux/amd64", "linux/arm64"] });

    const index = JSON.parse(registry.manifest("a", "1")?.toString() ?? "");

    expect(index.manifests).toEqual(image.manifests);
    expect(image.manifests.map(({ platform }) => platform?.architecture)).toEqual(["amd64", "arm64"]);
    expect(() => registry.addImage("a", { platforms: [] })).toThrow("platforms: expected at least one");
  });
});

it("a port that is taken is an error", async () => {
  await using registry = await startRegistry();

  await expect(startRegistry({ port: Number(registry.host.split(":")[1]) })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});
