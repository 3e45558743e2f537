import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Reply, request } from "../../src/http.ts";
import { type Content, content, type Image, image } from "../../src/images.ts";
import { describeE2E } from "../../src/programs.ts";
import { Resources } from "../../src/resources.ts";
import { locationOf, openSession, seed, seedBlob, withDigest } from "../../src/seed.ts";
import { answeredBy, type ContractLab, expectRegistryAnswer, openContractLab } from "./lab.ts";
import { subjects, tag } from "./subjects.ts";

/** One request, with what has to be there before it. */
interface Row {
  readonly method: "POST" | "PATCH" | "PUT" | "GET" | "DELETE" | "HEAD";
  /** The path of the contract's table. */
  readonly path: string;
  readonly when?: string;
  readonly status: number;
  /** Prepares on the registries directly, then sends the request to the router. */
  send(at: { readonly router: string; readonly hosted: string; readonly repository: string }): Promise<Reply>;
  /** Whether the answer says where to go on. */
  readonly located?: boolean;
  /** Whether the cache is asked for blobs that hosted has not got (section 8 of the contract). */
  readonly copies?: boolean;
}

let pushes = 0;

/** A blob that nobody has pushed before. */
function freshBlob(): Content {
  pushes += 1;
  return content(`blob ${pushes}`);
}

/** An image that nobody has pushed before. */
function freshImage(): Promise<Image> {
  pushes += 1;
  return image(`image ${pushes}`);
}

const rows: readonly Row[] = [
  {
    method: "POST",
    path: "blobs/uploads/",
    status: 202,
    located: true,
    send: ({ router, repository }) => request(router, "POST", `/v2/${repository}/blobs/uploads/`),
  },
  {
    method: "POST",
    path: "blobs/uploads/?mount=&from=",
    when: "hosted holds the blob elsewhere",
    status: 201,
    located: true,
    async send({ router, hosted, repository }) {
      const blob = freshBlob();
      await seedBlob(hosted, "elsewhere/source", blob);
      const query = `mount=${blob.digest}&from=elsewhere/source`;
      return request(router, "POST", `/v2/${repository}/blobs/uploads/?${query}`);
    },
  },
  {
    method: "POST",
    path: "blobs/uploads/?mount=&from=",
    when: "nobody holds the blob",
    status: 202,
    located: true,
    copies: true,
    send({ router, repository }) {
      const query = `mount=${freshBlob().digest}&from=elsewhere/source`;
      return request(router, "POST", `/v2/${repository}/blobs/uploads/?${query}`);
    },
  },
  {
    method: "GET",
    path: "blobs/uploads/<uuid>",
    status: 204,
    located: true,
    send: async ({ router, repository }) => request(router, "GET", await openSession(router, repository)),
  },
  {
    method: "PATCH",
    path: "blobs/uploads/<uuid>",
    status: 202,
    located: true,
    async send({ router, repository }) {
      const session = await openSession(router, repository);
      return request(router, "PATCH", session, { body: freshBlob().bytes });
    },
  },
  {
    method: "PUT",
    path: "blobs/uploads/<uuid>?digest=",
    when: "a PATCH has brought the content",
    status: 201,
    located: true,
    async send({ router, repository }) {
      const blob = freshBlob();
      const session = await openSession(router, repository);
      const patched = await request(router, "PATCH", session, { body: blob.bytes });
      return request(router, "PUT", withDigest(locationOf(patched, router), blob.digest));
    },
  },
  {
    method: "PUT",
    path: "blobs/uploads/<uuid>?digest=",
    when: "it brings the content itself",
    status: 201,
    located: true,
    async send({ router, repository }) {
      const blob = freshBlob();
      const session = await openSession(router, repository);
      return request(router, "PUT", withDigest(session, blob.digest), { body: blob.bytes });
    },
  },
  {
    method: "PUT",
    path: "blobs/uploads/<uuid>?digest=",
    when: "the digest is another's",
    status: 400,
    async send({ router, repository }) {
      const session = await openSession(router, repository);
      return request(router, "PUT", withDigest(session, freshBlob().digest), { body: "something else" });
    },
  },
  {
    method: "HEAD",
    path: "blobs/<digest>",
    when: "it was just pushed",
    status: 200,
    async send({ router, repository }) {
      const blob = freshBlob();
      await seedBlob(router, repository, blob);
      return request(router, "HEAD", `/v2/${repository}/blobs/${blob.digest}`);
    },
  },
  {
    method: "DELETE",
    path: "blobs/uploads/<uuid>",
    status: 204,
    send: async ({ router, repository }) => request(router, "DELETE", await openSession(router, repository)),
  },
  {
    method: "GET",
    path: "blobs/uploads/<uuid>",
    when: "there is no such session",
    status: 404,
    send: ({ router, repository }) =>
      request(router, "GET", `/v2/${repository}/blobs/uploads/00000000-0000-4000-8000-000000000000`),
  },
  {
    method: "PUT",
    path: "manifests/<tag>",
    status: 201,
    located: true,
    send: (at) => putManifest(at, () => "pushed"),
  },
  {
    method: "PUT",
    path: "manifests/<digest>",
    status: 201,
    located: true,
    send: (at) => putManifest(at, ({ manifest }) => manifest.digest),
  },
  {
    method: "PUT",
    path: "manifests/<tag>",
    when: "one of its blobs is missing",
    status: 400,
    copies: true,
    async send({ router, hosted, repository }) {
      // Of two missing ones the second may still be looked for when the first is the answer's reason.
      const { mediaType, manifest, blobs } = await freshImage();
      for (const blob of blobs.slice(1)) {
        await seedBlob(hosted, repository, blob);
      }
      return request(router, "PUT", `/v2/${repository}/manifests/pushed`, {
        headers: { "Content-Type": mediaType },
        body: manifest.bytes,
      });
    },
  },
  {
    method: "HEAD",
    path: "manifests/<digest>",
    when: "it was just pushed",
    status: 200,
    async send({ router, repository }) {
      const pushed = await freshImage();
      await seed(router, repository, "pushed", pushed);
      return request(router, "HEAD", `/v2/${repository}/manifests/${pushed.manifest.digest}`, {
        headers: { Accept: pushed.mediaType },
      });
    },
  },
  {
    method: "DELETE",
    path: "manifests/<digest>",
    status: 202,
    async send({ router, hosted, repository }) {
      const pushed = await freshImage();
      await seed(hosted, repository, "doomed", pushed);
      return request(router, "DELETE", `/v2/${repository}/manifests/${pushed.manifest.digest}`);
    },
  },
  {
    method: "DELETE",
    path: "manifests/<digest>",
    when: "hosted has not got it",
    status: 404,
    send: ({ router, repository }) =>
      request(router, "DELETE", `/v2/${repository}/manifests/${freshBlob().digest}`),
  },
  {
    method: "DELETE",
    path: "manifests/<tag>",
    when: "distribution 2.8 deletes by digest alone",
    status: 400,
    send: ({ router, repository }) => request(router, "DELETE", `/v2/${repository}/manifests/${tag}`),
  },
  {
    method: "DELETE",
    path: "blobs/<digest>",
    status: 202,
    async send({ router, hosted, repository }) {
      const blob = freshBlob();
      await seedBlob(hosted, repository, blob);
      return request(router, "DELETE", `/v2/${repository}/blobs/${blob.digest}`);
    },
  },
  {
    method: "DELETE",
    path: "blobs/<digest>",
    when: "hosted has not got it",
    status: 404,
    send: ({ router, repository }) =>
      request(router, "DELETE", `/v2/${repository}/blobs/${freshBlob().digest}`),
  },
];

async function putManifest(
  { router, hosted, repository }: Parameters<Row["send"]>[0],
  reference: (image: Image) => string,
): Promise<Reply> {
  const pushed = await freshImage();
  for (const blob of pushed.blobs) {
    await seedBlob(hosted, repository, blob);
  }
  return request(router, "PUT", `/v2/${repository}/manifests/${reference(pushed)}`, {
    headers: { "Content-Type": pushed.mediaType },
    body: pushed.manifest.bytes,
  });
}

const titled = rows.map((row) => ({
  ...row,
  title: row.when === undefined ? row.path : `${row.path} when ${row.when}`,
}));

describeE2E("writes by the route contract", ["docker-registry"], () => {
  const resources = new Resources();
  let lab: ContractLab;

  beforeAll(async () => {
    // Here the cache hears of nothing but copies: checks for shadowed tags are section 8 of the contract.
    lab = await openContractLab(resources, { rules: [{ match: "**", shadow: "allow" }] });
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  beforeEach(() => {
    lab.cacheTap.take();
  });

  describe.each(subjects)("$what: $repository", ({ repository }) => {
    it.each(titled)(
      "$method $title is answered $status by hosted",
      async ({ method, status, located, copies = false, send }) => {
        const reply = await send({ router: lab.router, hosted: lab.hosted.origin, repository });
        expect({ status: reply.status, by: answeredBy(reply) }).toEqual({ status, by: "hosted" });
        expectRegistryAnswer(reply, method);
        if (located === true) {
          expect(locationOf(reply, lab.router)).toMatch(`/v2/${repository}/`);
        }
        const asked = lab.cacheTap.take().map((seen) => `${seen.method} ${seen.target}`);
        expect(asked.filter((line) => !(copies && /^GET .*\/blobs\/sha256:/.test(line)))).toEqual([]);
        expect(asked.length > 0).toBe(copies);
      },
    );
  });

  it("keeps what was pushed in hosted alone", async () => {
    const pushed = await freshImage();
    await seed(lab.router, "acme/new", "1.0", pushed);
    const target = `/v2/acme/new/manifests/${pushed.manifest.digest}`;
    const accept = { headers: { Accept: pushed.mediaType } };
    expect((await request(lab.hosted.origin, "GET", target, accept)).body).toEqual(pushed.manifest.bytes);
    expect((await request(lab.public.origin, "GET", target, accept)).status).toBe(404);
  });
});
