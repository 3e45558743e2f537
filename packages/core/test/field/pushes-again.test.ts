import { createHmac, scryptSync } from "node:crypto";
import { createServer } from "node:http";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { digestOf, manifestOf, manifestType, putManifest } from "../support/push.ts";
import { listen, startRouter } from "../support/router.ts";

const indexType = "application/vnd.oci.image.index.v1+json";
const content = "a layer";
const digest = digestOf(content);
const image = manifestOf({ digest, size: content.length });
const child = digestOf(image);
const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: indexType,
  manifests: [{ mediaType: manifestType, digest: child, size: image.length }],
});

/** A hosted registry that accepts manifests without their parts, or refuses them as `refuses` says. */
async function startHosted({ session = "u", refuses = false, uploads = true } = {}) {
  const blobs = new Set<string>();
  const manifests = new Set<string>();
  const heard: string[] = [];
  const may = { upload: uploads };
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://hosted");
      const { method } = request;
      heard.push(`${method} ${request.url}`);
      const [kind = "", reference = ""] = pathname.split("/").slice(-2);
      response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
      if (method === "POST") {
        response.writeHead(may.upload ? 202 : 500, { Location: `/v2/app/blobs/uploads/${session}` }).end();
      } else if (kind === "uploads") {
        blobs.add(searchParams.get("digest") ?? "");
        response.writeHead(201, { Location: `/v2/app/blobs/${searchParams.get("digest")}` }).end();
      } else if (method === "PUT" && refuses && !blobs.has(digest)) {
        response.writeHead(404).end('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}');
      } else if (method === "PUT") {
        manifests.add(reference);
        response.writeHead(201).end();
      } else {
        const has = blobs.has(reference) || manifests.has(reference);
        const type = kind === "manifests" ? manifestType : "application/octet-stream";
        response
          .writeHead(has ? 200 : 404, has ? { "Content-Type": type, "Content-Length": image.length } : {})
          .end();
      }
    });
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  return {
    url,
    blobs,
    heard,
    may,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function startProxy() {
  const proxy = await startRegistry();
  const begun = await fetchRaw(proxy.url, `/v2/app/blobs/uploads/?digest=${digest}`, {
    method: "POST",
    body: content,
  });
  if (begun.status === 202) {
    const { location = "" } = begun.headers;
    const path = location.replace(proxy.url, "");
    const query = `${path.includes("?") ? "&" : "?"}digest=${digest}`;
    await fetchRaw(proxy.url, path + query, { method: "PUT", body: content });
  }
  return proxy;
}

describe("a push of which a copy failed", () => {
  // If hosted had the child, it would say so to HEAD, and the client would not push the child again.
  it("leaves no child at hosted whose layer could not be copied", async () => {
    await using hosted = await startHosted({ uploads: false });
    const proxy = await startProxy();
    await using router = await startRouter({ hosted: { url: hosted.url }, proxy: { url: proxy.url } });

    const head = await fetchRaw(router.url, `/v2/app/blobs/${digest}`, { method: "HEAD" });
    const first = await putManifest(router, "app", child, image);
    const again = await fetchRaw(router.url, `/v2/app/manifests/${child}`, { method: "HEAD" });
    hosted.may.upload = true;
    const second = await putManifest(router, "app", child, image);
    const third = await putManifest(router, "app", "1", index, indexType);
    await proxy.close();

    expect([head.status, first.status]).toEqual([200, 502]);
    expect(again.status).toBe(404);
    expect([second.status, third.status, hosted.blobs.has(digest)]).toEqual([201, 201, true]);
  });
});

describe("sessions that begin with ~", () => {
  it("of hosted's own are places for the router's own copies", async () => {
    await using hosted = await startHosted({ session: "~own.session", refuses: true });
    const proxy = await startProxy();
    await using router = await startRouter({ hosted: { url: hosted.url }, proxy: { url: proxy.url } });

    await fetchRaw(router.url, `/v2/app/blobs/${digest}`, { method: "HEAD" });
    const put = await putManifest(router, "app", "1", image);
    await proxy.close();

    expect([put.status, put.body.toString(), hosted.blobs.has(digest)]).toEqual([201, "", true]);
  });

  it.each(["/uploads/\u0001x", "/uploads/x?a=\r\nX-Other: b", "/uploads/x?a= HTTP/1.1", "/uploads/\u20acx"])(
    "%j, signed by a client where there is no secret, is unknown",
    async (address) => {
      await using hosted = await startHosted();
      await using router = await startRouter({ hosted: { url: hosted.url }, proxy: { url: hosted.url } });
      const key = scryptSync(new URL(hosted.url).origin, "combined-registry upload session", 32);
      const written = Buffer.from(address).toString("base64url");
      const mac = createHmac("sha256", key).update(`app\0${written}`).digest();
      const session = `~${written}.${mac.subarray(0, 16).toString("base64url")}`;

      const { status } = await fetchRaw(router.url, `/v2/app/blobs/uploads/${session}`, { method: "PUT" });

      expect([status, hosted.heard.filter((one) => one.includes("uploads"))]).toEqual([404, []]);
    },
  );
});
