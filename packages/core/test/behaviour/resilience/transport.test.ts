import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { UpstreamTlsConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const cert = fixture("test-only.cert.pem");
const key = fixture("test-only.key.pem");

/** Pulls and pushes through a router whose hosted is at `url`, and gives the two statuses. */
async function pullAndPush(url: string, tls: UpstreamTlsConfig = {}) {
  await using proxy = await startRegistry();
  await using router = await startRouter({ hosted: { url, tls }, proxy: proxy.url });
  const pulled = await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
  const pushed = await fetchRaw(router.url, "/v2/team/app/blobs/uploads/", { method: "POST" });
  return { pulled, pushed, statuses: [pulled.status, pushed.status] };
}

describe("an upstream with TLS", () => {
  it.each<[string, UpstreamTlsConfig]>([
    ["whose issuer is configured", { ca: cert }],
    ["with `verify: false`", { verify: false }],
    ["under another name", { ca: cert, serverName: "localhost" }],
  ])("%s is pulled from and pushed to", async (_, tls) => {
    await using hosted = await startRegistry({ tls: { key, cert } });
    hosted.addImage("team/app", { tag: "1.0" });

    expect((await pullAndPush(hosted.url, tls)).statuses).toEqual([200, 202]);
  });

  it("with an untrusted certificate gets no request", async () => {
    await using hosted = await startRegistry({ tls: { key, cert } });

    const { pulled, pushed, statuses } = await pullAndPush(hosted.url);

    expect(statuses).toEqual([502, 502]);
    expect(errorOf(pulled).message).toMatch(/hosted failed \(TLS failed \(\w+\)\)/);
    expect(errorOf(pushed).message).toMatch(/hosted failed \(TLS failed \(\w+\)\)/);
    expect(hosted.requests).toEqual([]);
  });

  it("addressed over plain HTTP, or the reverse, is a failure with a cause", async () => {
    await using secure = await startRegistry({ tls: { key, cert } });
    await using plain = await startRegistry();

    const swapped = [secure.url.replace("https", "http"), plain.url.replace("http", "https")];

    for (const url of swapped) {
      const { pulled, statuses } = await pullAndPush(url);
      expect([url, ...statuses]).toEqual([url, 502, 502]);
      expect(errorOf(pulled).message).toMatch(/hosted failed \(.+\)/);
    }
  });
});

function hasIpv6(): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(0, "::1", () => server.close(() => resolve(true)));
  });
}

describe("an upstream at an IPv6 address", () => {
  it("is pulled from and pushed to", async () => {
    if (!(await hasIpv6())) {
      // A container without IPv6: then at least its absence is named.
      expect((await pullAndPush("http://[::1]:9")).statuses).toEqual([502, 502]);
      return;
    }
    await using hosted = await startRegistry({ host: "::1" });
    hosted.addImage("team/app", { tag: "1.0" });

    expect((await pullAndPush(hosted.url)).statuses).toEqual([200, 202]);
  });
});

describe("an upstream below a path", () => {
  it("has its path added to requests and removed from Location", async () => {
    await using inner = await startRegistry({ locations: "absolute" });
    const seen: string[] = [];
    const prefixed = createServer((request, response) => {
      seen.push(request.url ?? "");
      fetchRaw(inner.url, (request.url ?? "").replace("/docker/local", ""), {
        method: request.method ?? "",
        headers: request.headers,
      }).then(
        ({ status, headers, body }) => {
          const location = headers.location?.replace("/v2/", "/docker/local/v2/");
          response.writeHead(status, location === undefined ? {} : { Location: location }).end(body);
        },
        () => response.destroy(),
      );
    });
    await new Promise<void>((resolve) => prefixed.listen(0, "127.0.0.1", resolve));
    const address = prefixed.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    inner.addImage("team/app", { tag: "1.0" });
    try {
      const { pushed, statuses } = await pullAndPush(`http://127.0.0.1:${port}/docker/local/`);

      expect(statuses).toEqual([200, 202]);
      expect(pushed.headers.location).toMatch(/^\/v2\/team\/app\/blobs\/uploads\//);
      expect(seen).toEqual([
        "/docker/local/v2/team/app/manifests/1.0",
        "/docker/local/v2/team/app/blobs/uploads/",
      ]);
    } finally {
      prefixed.closeAllConnections();
      prefixed.close();
    }
  });
});
