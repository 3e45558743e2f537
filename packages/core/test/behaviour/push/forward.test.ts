import { createHash } from "node:crypto";
import { connect } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until, within } from "../../support/within.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

const startForwarding = () =>
  startSides({
    hosted: { registry: { locations: "absolute" } },
    router: { rules: [{ match: "**", shadow: "allow" }] },
  });

function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

async function begin(url: string, repository: string): Promise<string> {
  const begun = await fetchRaw(url, `/v2/${repository}/blobs/uploads/`, { method: "POST" });
  return begun.headers.location ?? "";
}

async function push(url: string, repository: string, content: string): Promise<Received> {
  const location = await begin(url, repository);
  const joint = location.includes("?") ? "&" : "?";
  return fetchRaw(url, `${location}${joint}digest=${digestOf(content)}`, {
    method: "PUT",
    headers: { "Content-Type": "application/octet-stream" },
    body: content,
  });
}

describe("a push through the router", () => {
  it("reaches hosted unchanged, in one piece or in chunks, and never a proxy", async () => {
    await using sides = await startForwarding();
    const { router, hosted, proxy } = sides;

    expect((await push(router.url, "team/app", "monolithic")).status).toBe(201);

    const location = await begin(router.url, "team/app");
    const patched = await fetchRaw(router.url, location, {
      method: "PATCH",
      headers: { "Transfer-Encoding": "chunked", "Content-Type": "application/octet-stream" },
      body: "in chunks",
    });
    const state = await fetchRaw(router.url, patched.headers.location ?? "");
    const closed = await fetchRaw(
      router.url,
      `${patched.headers.location}${patched.headers.location?.includes("?") ? "&" : "?"}digest=${digestOf("in chunks")}`,
      { method: "PUT" },
    );
    const config = digestOf("{}");
    await push(router.url, "team/app", "{}");
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
      layers: [],
    });
    const put = await fetchRaw(router.url, "/v2/team/app/manifests/1.0", {
      method: "PUT",
      headers: { "Content-Type": manifestType },
      body: manifest,
    });

    expect([patched.status, state.status, closed.status, put.status]).toEqual([202, 204, 201, 201]);
    expect(hosted.hasBlob("team/app", digestOf("monolithic"))).toBe(true);
    expect(hosted.hasBlob("team/app", digestOf("in chunks"))).toBe(true);
    expect(put.headers["docker-content-digest"]).toBe(digestOf(manifest));
    expect(proxy.requests).toEqual([]);
  });

  it("gets relative Location headers, whichever host name the client uses", async () => {
    await using sides = await startForwarding();

    const begun = await fetchRaw(sides.router.url, "/v2/team/app/blobs/uploads/", {
      method: "POST",
      headers: { Host: "registry.example" },
    });

    expect(begun.headers.location).toMatch(/^\/v2\/team\/app\/blobs\/uploads\//);
    expect(sides.hosted.requests[0]?.headers).toMatchObject({
      "x-forwarded-host": "registry.example",
      "x-forwarded-proto": "http",
    });
  });

  it("takes a URL of hosted that ends with a slash", async () => {
    await using hosted = await startRegistry({ locations: "absolute" });
    await using router = await startRouter({ hosted: `${hosted.url}/`, proxy: hosted.url });

    expect((await push(router.url, "a", "x")).status).toBe(201);
  });

  it("forwards no body with a DELETE, even if the client sends one", async () => {
    await using sides = await startForwarding();
    const image = sides.hosted.addImage("team/app", { tag: "1.0", layers: ["x"] });

    const answer = await fetchRaw(sides.router.url, `/v2/team/app/manifests/${image.digest}`, {
      method: "DELETE",
      headers: { "Transfer-Encoding": "chunked" },
      body: "GET /v2/smuggled HTTP/1.1\r\n\r\n",
    });

    expect(answer.status).toBe(202);
    expect(sides.hosted.requests.map(({ method, bodyBytes }) => [method, bodyBytes])).toEqual([
      ["GET", 0],
      ["DELETE", 0],
    ]);
  });

  it("is answered 502 with the cause while hosted is down, and 504 while it hangs", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, timeouts: { write: 100 } },
      proxy: proxy.url,
    });
    hosted.fault({ hang: true });
    const hung = await fetchRaw(router.url, "/v2/a/manifests/1", { method: "PUT", body: "{}" });
    await hosted.close();
    const away = await fetchRaw(router.url, "/v2/a/manifests/1", { method: "PUT", body: "{}" });

    expect([hung.status, errorOf(hung).code]).toEqual([504, "UPSTREAM_TIMEOUT"]);
    expect([away.status, errorOf(away).code]).toEqual([502, "UPSTREAM_FAILED"]);
    expect(errorOf(away).message).toMatch(/^hosted failed \(connection /);
  });

  it("relays an early error, reads the rest of the body, and keeps the connection usable", async () => {
    await using sides = await startForwarding();
    sides.hosted.fault({ method: "PUT", status: 413, body: { errors: [{ code: "SIZE_INVALID" }] } });

    const refused = await fetchRaw(sides.router.url, "/v2/a/manifests/1", {
      method: "PUT",
      body: Buffer.alloc(3_000_000),
    });

    expect(refused.status).toBe(413);
  });

  it("is answered as an upstream failure when hosted refuses the router's credentials", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry({ auth: { username: "router", password: "right" } });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1", { method: "PUT", body: "{}" });

    expect(answer.status).toBe(502);
    expect(answer.headers["www-authenticate"]).toBeUndefined();
    expect(errorOf(answer).message).toContain("asks for credentials, and the router has none for it");
  });

  it("uses the router's own credentials where they are configured", async () => {
    await using proxy = await startRegistry();
    const auth = { username: "router", password: "right" };
    await using hosted = await startRegistry({ auth });
    await using router = await startRouter({ hosted: { url: hosted.url, auth }, proxy: proxy.url });

    expect((await push(router.url, "a", "x")).status).toBe(201);
  });
});

describe("pushed content", () => {
  it("is pulled from hosted by its digest right away", async () => {
    await using sides = await startForwarding();
    const { router, proxy, hosted } = sides;
    const image = hosted.addImage("other", { tag: "1.0", layers: ["x"] });
    const manifest = (await fetchRaw(router.url, "/v2/other/manifests/1.0")).body;
    for (const { digest } of [image.config, ...image.layers]) {
      await fetchRaw(router.url, `/v2/team/app/blobs/uploads/?mount=${digest}&from=other`, {
        method: "POST",
      });
    }
    await fetchRaw(router.url, "/v2/team/app/manifests/1.0", {
      method: "PUT",
      headers: { "Content-Type": manifestType },
      body: manifest,
    });
    proxy.clearRequests();

    const pulled = await fetchRaw(router.url, `/v2/team/app/manifests/${image.digest}`);

    expect(pulled.headers["x-combined-registry"]).toBe("hosted; found by location hint");
    expect(proxy.requests).toEqual([]);
  });
});

describe("an upload whose client goes away", () => {
  it("is aborted at hosted at once", async () => {
    await using sides = await startForwarding();
    const { router, hosted } = sides;
    const location = await begin(router.url, "a");
    const client = connect(router.port, "127.0.0.1");
    client.on("error", () => undefined);
    client.write(`PATCH ${location} HTTP/1.1\r\nHost: r\r\nContent-Length: 1000000\r\n\r\nonly a few bytes`);
    await until(5000, "hosted sees the upload", () =>
      hosted.requests.some(({ method }) => method === "PATCH"),
    );

    client.destroy();

    await until(2000, "hosted has no connection left in use", () => hosted.openResponses === 0);
    await within(2000, "nothing is in flight", router.handler.close());
  });
});
