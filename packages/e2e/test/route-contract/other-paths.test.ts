import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { request } from "../../src/http.ts";
import { acceptManifests, content } from "../../src/images.ts";
import { describeE2E } from "../../src/programs.ts";
import { Resources } from "../../src/resources.ts";
import { openSession, seedBlob, withDigest } from "../../src/seed.ts";
import { answeredBy, type ContractLab, errorCodes, expectRegistryAnswer, openContractLab } from "./lab.ts";
import { privateName, publicName, tag } from "./subjects.ts";

const app = privateName.repository;
const blob = content("a blob of hosted");

describeE2E("the rest of the route contract", ["docker-registry"], () => {
  const resources = new Resources();
  let lab: ContractLab;

  beforeAll(async () => {
    lab = await openContractLab(resources);
    await seedBlob(lab.hosted.origin, app, blob);
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  it.each(["GET", "HEAD"])("answers %s /v2/ with 200 when every upstream does", async (method) => {
    const reply = await request(lab.router, method, "/v2/");
    expect({ status: reply.status, by: answeredBy(reply) }).toEqual({ status: 200, by: "router" });
    expect(reply.body.toString()).toBe(method === "HEAD" ? "" : "{}");
    expectRegistryAnswer(reply, method);
  });

  it.each(["GET", "HEAD", "POST"])("sends %s /v2 to /v2/", async (method) => {
    const reply = await request(lab.router, method, "/v2?a=%2Fb");
    expect(reply.status).toBe(301);
    expect(reply.headers.location).toBe("/v2/?a=%2Fb");
    expectRegistryAnswer(reply, method);
  });

  it("lists hosted's repositories as the catalog", async () => {
    const reply = await request(lab.router, "GET", "/v2/_catalog");
    expect({ status: reply.status, by: answeredBy(reply) }).toEqual({ status: 200, by: "hosted" });
    const { repositories }: { repositories: string[] } = JSON.parse(reply.body.toString());
    expect(repositories).toContain(app);
    expect(repositories).not.toContain(publicName.repository);
  });

  it("walks a paginated catalog by Links that lead through the router", async () => {
    const walked: string[] = [];
    let next: string | undefined = "/v2/_catalog?n=1";
    while (next !== undefined) {
      const page = await request(lab.router, "GET", next);
      const { repositories }: { repositories: string[] } = JSON.parse(page.body.toString());
      walked.push(...repositories);
      const link: string | undefined = /<([^>]*)>; rel="next"/.exec(String(page.headers.link))?.[1];
      expect(link ?? "/v2/").toMatch(/^\/v2\//);
      next = link;
    }
    const whole = await request(lab.hosted.origin, "GET", "/v2/_catalog");
    expect(walked).toEqual(JSON.parse(whole.body.toString()).repositories);
  });

  describe("paths and methods that are not the API's", () => {
    const digest = content("any").digest;
    it.each([
      ["GET", "/v2/nonsense", 404, "NOT_FOUND"],
      ["GET", "/v2/acme/app", 404, "NOT_FOUND"],
      ["GET", "/v2/acme/app/", 404, "NOT_FOUND"],
      ["GET", "/v2/acme/app/manifests", 404, "NOT_FOUND"],
      ["GET", "/v2/acme/app/tags", 404, "NOT_FOUND"],
      ["GET", "/v2/acme/app/tags/list/", 404, "NOT_FOUND"],
      ["GET", "/v2/_catalog/more", 404, "NOT_FOUND"],
      ["GET", "/v2/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2/acme//app/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2//acme/app/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2/ACME/app/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2/acme/%2e%2e/app/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2/acme/../app/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2/acme%2Fapp/manifests/1.0", 400, "NAME_INVALID"],
      ["GET", "/v2/acme/app/blobs/sha256:short", 400, "DIGEST_INVALID"],
      ["GET", "/v2/acme/app/blobs/nonsense", 400, "DIGEST_INVALID"],
      ["GET", "/v2/acme/app/manifests/sha256:short", 400, "DIGEST_INVALID"],
      ["POST", "/v2/", 405, "UNSUPPORTED"],
      ["PUT", "/v2/_catalog", 405, "UNSUPPORTED"],
      ["DELETE", "/v2/acme/app/tags/list", 405, "UNSUPPORTED"],
      ["POST", "/v2/acme/app/manifests/1.0", 405, "UNSUPPORTED"],
      ["PATCH", "/v2/acme/app/manifests/1.0", 405, "UNSUPPORTED"],
      ["PUT", `/v2/acme/app/blobs/${digest}`, 405, "UNSUPPORTED"],
      ["GET", "/v2/acme/app/blobs/uploads/", 405, "UNSUPPORTED"],
      ["PUT", `/v2/acme/app/referrers/${digest}`, 405, "UNSUPPORTED"],
      ["PROPFIND", "/v2/acme/app/tags/list", 405, "UNSUPPORTED"],
    ])("answers %s %s with %i %s, and no upstream hears of it", async (method, target, status, code) => {
      lab.cacheTap.take();
      lab.hostedTap.take();
      const reply = await request(lab.router, method, target);
      expect({ status: reply.status, codes: errorCodes(reply) }).toEqual({ status, codes: [code] });
      expect(answeredBy(reply)).toBe("router");
      expectRegistryAnswer(reply, method);
      if (status === 405) {
        expect(reply.headers.allow).toEqual(expect.any(String));
      }
      expect([...lab.cacheTap.take(), ...lab.hostedTap.take()]).toEqual([]);
    });

    it.each(["/", "/v2foo", "/v3/", "/v1/_ping"])("answers GET %s with 404", async (target) => {
      expect((await request(lab.router, "GET", target)).status).toBe(404);
    });
  });

  it.each(["/healthcheck", "/livez", "/readyz", "/metrics"])("answers GET %s itself", async (target) => {
    const reply = await request(lab.router, "GET", target);
    expect({ status: reply.status, by: answeredBy(reply) }).toEqual({ status: 200, by: "router" });
  });

  describe("the query string, byte for byte", () => {
    const odd = "?n=7&last=a%2Fb+c%20d&&x=%e4%F6~!$'()*,;:@/?&empty=";

    it.each([
      { method: "GET", target: `/v2/${app}/tags/list${odd}` },
      { method: "GET", target: `/v2/_catalog${odd}` },
      { method: "GET", target: `/v2/${app}/manifests/${tag}${odd}` },
      { method: "HEAD", target: `/v2/${app}/manifests/${tag}${odd}` },
      { method: "GET", target: `/v2/${app}/blobs/${blob.digest}?ns=docker.io` },
      { method: "POST", target: `/v2/${app}/blobs/uploads/${odd}` },
      { method: "DELETE", target: `/v2/${app}/manifests/no-such-tag${odd}` },
    ])("reaches hosted: $method $target", async ({ method, target }) => {
      lab.hostedTap.take();
      await request(lab.router, method, target, { headers: { Accept: acceptManifests } });
      const asked = lab.hostedTap.take().map((seen) => `${seen.method} ${seen.target}`);
      expect(asked).toEqual([`${method} ${target}`]);
    });

    it("reaches the proxy with a lookup", async () => {
      lab.cacheTap.take();
      const target = `/v2/${publicName.repository}/manifests/${tag}${odd}`;
      await request(lab.router, "GET", target, { headers: { Accept: acceptManifests } });
      expect(lab.cacheTap.take().map((seen) => seen.target)).toEqual([target]);
    });

    it("reaches hosted with the state of an upload session in it", async () => {
      const pushed = content("a blob pushed in one piece");
      const session = await openSession(lab.router, app);
      expect(session).toMatch(/\?_state=/);
      lab.hostedTap.take();
      const target = withDigest(session, pushed.digest);
      const put = await request(lab.router, "PUT", target, { body: pushed.bytes });
      expect(put.status).toBe(201);
      expect(lab.hostedTap.take().map((seen) => seen.target)).toEqual([target]);
    });
  });
});
