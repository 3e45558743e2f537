import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { exchange, request } from "../src/http.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { openSession, withDigest } from "../src/seed.ts";

const mebibyte = 1024 * 1024;
const size = 2048 * mebibyte;
const mostMemory = 200 * 1000 * 1000;
const repository = "acme/large";

/** 2 GiB with no two pieces alike, so that one lost, doubled or moved shows in the digest. */
function* pieces(hash: Hash): Generator<Buffer> {
  for (let number = 0; number < size / mebibyte; number++) {
    const piece = Buffer.alloc(mebibyte, `piece ${number} `);
    hash.update(piece);
    yield piece;
  }
}

describeE2E("a blob of 2 GiB", ["docker-registry"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;

  beforeAll(async () => {
    lab = await openLab(resources);
    // Straight to the registries, so that nobody but the router and they set the pace.
    router = await lab.startRouter({ hosted: lab.hosted.origin, proxy: lab.cache.origin });
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  it("goes up and comes down whole, and the router never holds 200 MB", async () => {
    const pushed = createHash("sha256");
    const session = await openSession(router.origin, repository);
    const patch = { method: "PATCH", headers: { "Content-Length": size } };
    const patched = await exchange(router.origin, session, patch, Readable.from(pieces(pushed)));
    patched.resume();
    expect(patched.statusCode).toBe(202);
    const digest = `sha256:${pushed.digest("hex")}`;
    const put = await request(router.origin, "PUT", withDigest(patched.headers.location ?? "", digest));
    expect(put.status).toBe(201);
    expect(await router.peakMemory()).toBeLessThan(mostMemory);

    const pulled = createHash("sha256");
    const response = await exchange(router.origin, `/v2/${repository}/blobs/${digest}`, { method: "GET" });
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-length"]).toBe(String(size));
    await pipeline(response, pulled);
    expect(`sha256:${pulled.digest("hex")}`).toBe(digest);
    expect(await router.peakMemory()).toBeLessThan(mostMemory);
  }, 240_000);
});
