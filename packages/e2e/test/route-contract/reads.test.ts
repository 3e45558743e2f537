import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { request } from "../../src/http.ts";
import { acceptManifests, type Content, content, type Image } from "../../src/images.ts";
import { describeE2E } from "../../src/programs.ts";
import { Resources } from "../../src/resources.ts";
import { seedBlob } from "../../src/seed.ts";
import { answeredBy, type ContractLab, errorCodes, expectRegistryAnswer, openContractLab } from "./lab.ts";
import { privateName, publicName, type Subject, subjects, tag } from "./subjects.ts";

interface Row {
  readonly method: "GET" | "HEAD";
  /** What follows `/v2/<name>/`, for people. */
  readonly title: string;
  /** The same, for the request. @default the title */
  readonly path?: string;
  readonly status: number;
  readonly by: "proxy" | "hosted" | "router";
  /** Of an error. */
  readonly code?: string;
  /** What the answer brings. */
  readonly brings?: Content;
}

/** Both methods of a lookup. */
function lookup(row: Omit<Row, "method">): Row[] {
  return [
    { ...row, method: "GET" },
    { ...row, method: "HEAD" },
  ];
}

/** Everything of one image, by digest. */
function imageRows({ manifest, blobs }: Image, by: "proxy" | "hosted"): Row[] {
  const found = (title: string, path: string, brings: Content) =>
    lookup({ title, path, brings, status: 200, by });
  return [
    ...found(`manifests/<digest at ${by}>`, `manifests/${manifest.digest}`, manifest),
    ...blobs.flatMap((blob, index) =>
      found(`blobs/<digest ${index} at ${by}>`, `blobs/${blob.digest}`, blob),
    ),
  ];
}

/** What nobody has. */
function missingRows(): Row[] {
  const digests = [
    { kind: "unknown sha256", digest: content("what nobody has").digest },
    { kind: "unknown sha512", digest: `sha512:${"ab".repeat(64)}` },
  ];
  const missing = (title: string, path: string, code: string) =>
    lookup({ title, path, code, status: 404, by: "hosted" });
  return [
    ...missing("manifests/<unknown tag>", "manifests/no-such-tag", "MANIFEST_UNKNOWN"),
    ...digests.flatMap(({ kind, digest }) => [
      ...missing(`manifests/<${kind}>`, `manifests/${digest}`, "MANIFEST_UNKNOWN"),
      ...missing(`blobs/<${kind}>`, `blobs/${digest}`, "BLOB_UNKNOWN"),
    ]),
  ];
}

function rowsOf({ public: atPublic, hosted }: Subject): Row[] {
  // The proxy comes first: where both have the tag, it is the public image.
  const tagged = atPublic ?? hosted;
  const by = atPublic === undefined ? "hosted" : "proxy";
  const referrers = `referrers/${content("any subject").digest}`;
  return [
    ...(tagged === undefined
      ? lookup({ title: `manifests/${tag}`, status: 404, by: "hosted", code: "MANIFEST_UNKNOWN" })
      : lookup({ title: `manifests/${tag}`, status: 200, by, brings: tagged.manifest })),
    ...(atPublic === undefined ? [] : imageRows(atPublic, "proxy")),
    ...(hosted === undefined ? [] : imageRows(hosted, "hosted")),
    ...missingRows(),
    tagged === undefined
      ? { method: "GET", title: "tags/list", status: 404, by: "hosted", code: "NAME_UNKNOWN" }
      : { method: "GET", title: "tags/list", status: 200, by: hosted === undefined ? "proxy" : "hosted" },
    { method: "HEAD", title: "tags/list", status: 405, by: "router" },
    { method: "GET", title: "referrers/<digest>", path: referrers, status: 200, by: "router" },
    { method: "HEAD", title: "referrers/<digest>", path: referrers, status: 405, by: "router" },
  ];
}

describeE2E("reads by the route contract", ["docker-registry"], () => {
  const resources = new Resources();
  let lab: ContractLab;

  beforeAll(async () => {
    lab = await openContractLab(resources);
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  describe.each(subjects)("$what: $repository", (subject) => {
    it.each(rowsOf(subject))("$method $title is answered $status by $by", async (row) => {
      const { method, title, path = title, status, by, brings, code } = row;
      const reply = await request(lab.router, method, `/v2/${subject.repository}/${path}`, {
        headers: { Accept: acceptManifests },
      });
      expect({ status: reply.status, by: answeredBy(reply) }).toEqual({ status, by });
      expectRegistryAnswer(reply, method);
      if (brings !== undefined) {
        expect(reply.headers["docker-content-digest"]).toBe(brings.digest);
        expect(reply.headers["content-length"]).toBe(String(brings.bytes.length));
        expect(reply.body.equals(method === "HEAD" ? Buffer.alloc(0) : brings.bytes)).toBe(true);
      }
      if (code !== undefined && method === "GET") {
        expect(errorCodes(reply)).toEqual([code]);
      }
    });
  });

  it("lists the tags of the side that has the repository, and hosted's where both have", async () => {
    const lists = await Promise.all(
      subjects
        .filter((subject) => subject.public !== undefined || subject.hosted !== undefined)
        .map(async ({ repository }) => ({
          repository,
          list: await request(lab.router, "GET", `/v2/${repository}/tags/list`),
        })),
    );
    for (const { repository, list } of lists) {
      expect(JSON.parse(list.body.toString())).toEqual({ name: repository, tags: [tag] });
    }
  });

  it("asks the two upstreams of a private manifest by digest although the cache answers 500", async () => {
    const { repository, hosted } = privateName;
    const target = `/v2/${repository}/manifests/${hosted.manifest.digest}`;
    const straight = await request(lab.cache.origin, "GET", target, { headers: { Accept: acceptManifests } });
    expect(straight.status).toBe(500);
    const through = await request(lab.router, "GET", target, { headers: { Accept: acceptManifests } });
    expect({ status: through.status, by: answeredBy(through) }).toEqual({ status: 200, by: "hosted" });
  });

  it.each([
    { range: "0-9", from: 0, to: 10 },
    { range: "10-", from: 10, to: undefined },
    { range: "-7", from: -7, to: undefined },
  ])("passes Range: bytes=$range on to whoever holds the blob", async ({ range, from, to }) => {
    const { repository } = privateName;
    const { digest, bytes } = content("0123456789 and more");
    await seedBlob(lab.hosted.origin, repository, { digest, bytes });
    const reply = await request(lab.router, "GET", `/v2/${repository}/blobs/${digest}`, {
      headers: { Range: `bytes=${range}` },
    });
    expect(reply.status).toBe(206);
    expect(reply.body.equals(bytes.subarray(from, to))).toBe(true);
  });

  it("answers 304 to a client that has the manifest", async () => {
    const { repository, public: image } = publicName;
    const reply = await request(lab.router, "GET", `/v2/${repository}/manifests/${tag}`, {
      headers: { Accept: acceptManifests, "If-None-Match": `"${image.manifest.digest}"` },
    });
    expect(reply.status).toBe(304);
    expect(reply.body).toHaveLength(0);
  });
});
