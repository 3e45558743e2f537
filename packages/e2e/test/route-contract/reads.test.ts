import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { request } from "../../src/http.ts";
import { acceptManifests, content, type Image } from "../../src/images.ts";
import { describeE2E } from "../../src/programs.ts";
import { Resources } from "../../src/resources.ts";
import { answeredBy, type ContractLab, errorCodes, expectRegistryAnswer, openContractLab } from "./lab.ts";
import { privateName, publicName, type Subject, subjects, tag } from "./subjects.ts";

interface Row {
  readonly method: "GET" | "HEAD";
  /** What follows `/v2/<name>/`. */
  readonly path: string;
  readonly status: number;
  readonly by: "proxy" | "hosted" | "router";
  /** Of an error. */
  readonly code?: string;
  /** What the answer is about. */
  readonly digest?: string;
  /** What a GET brings. */
  readonly body?: Buffer;
}

const nowhere = content(Buffer.from("what nobody has")).digest;
const sha512 = `sha512:${"ab".repeat(64)}`;

/** Both methods of a lookup. */
function both(row: Omit<Row, "method">): Row[] {
  return [
    { ...row, method: "GET" },
    { ...row, method: "HEAD" },
  ];
}

/** Everything of one image, by tag and by digest. */
function rowsOf(image: Image, by: "proxy" | "hosted"): Row[] {
  const { digest, bytes } = image.manifest;
  return [
    ...both({ path: `manifests/${digest}`, status: 200, by, digest, body: bytes }),
    ...image.blobs.flatMap((blob) =>
      both({ path: `blobs/${blob.digest}`, status: 200, by, digest: blob.digest, body: blob.bytes }),
    ),
  ];
}

function rowsFor({ public: atPublic, hosted }: Subject): Row[] {
  // The proxy comes first: where both have the tag, it is the public image.
  const tagged = atPublic ?? hosted;
  const by: Row["by"] = atPublic === undefined ? "hosted" : "proxy";
  const byTag = tagged && { status: 200, by, digest: tagged.manifest.digest, body: tagged.manifest.bytes };
  const unknownManifest = { status: 404, by: "hosted", code: "MANIFEST_UNKNOWN" } as const;
  const unknownBlob = { status: 404, by: "hosted", code: "BLOB_UNKNOWN" } as const;
  const lists = hosted === undefined ? by : "hosted";
  return [
    ...both({ path: `manifests/${tag}`, ...(byTag ?? unknownManifest) } as const),
    ...(atPublic === undefined ? [] : rowsOf(atPublic, "proxy")),
    ...(hosted === undefined ? [] : rowsOf(hosted, "hosted")),
    ...both({ path: "manifests/no-such-tag", ...unknownManifest }),
    ...both({ path: `manifests/${nowhere}`, ...unknownManifest }),
    ...both({ path: `blobs/${nowhere}`, ...unknownBlob }),
    ...both({ path: `manifests/${sha512}`, ...unknownManifest }),
    ...both({ path: `blobs/${sha512}`, ...unknownBlob }),
    tagged === undefined
      ? { method: "GET", path: "tags/list", status: 404, by: "hosted", code: "NAME_UNKNOWN" }
      : { method: "GET", path: "tags/list", status: 200, by: lists },
    { method: "HEAD", path: "tags/list", status: 405, by: "router" },
    // distribution has no referrers API, so clients must be told to go by the tag schema.
    { method: "GET", path: `referrers/${nowhere}`, status: 404, by: "router", code: "NOT_FOUND" },
    { method: "HEAD", path: `referrers/${nowhere}`, status: 405, by: "router" },
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
    it.each(rowsFor(subject))("$method $path is answered $status by $by", async (row) => {
      const { method, path, status, by, digest, body, code } = row;
      const reply = await request(lab.router, method, `/v2/${subject.repository}/${path}`, {
        headers: { Accept: acceptManifests },
      });
      expect({ status: reply.status, by: answeredBy(reply) }).toEqual({ status, by });
      expectRegistryAnswer(reply, method);
      if (digest !== undefined) {
        expect(reply.headers["docker-content-digest"]).toBe(digest);
      }
      if (body !== undefined) {
        expect(reply.headers["content-length"]).toBe(String(body.length));
        expect(reply.body.equals(method === "HEAD" ? Buffer.alloc(0) : body)).toBe(true);
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
    const { repository, hosted } = privateName;
    const [{ digest, bytes }] = hosted.blobs;
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
