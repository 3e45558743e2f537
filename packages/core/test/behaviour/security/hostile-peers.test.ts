import { createServer, type RequestListener } from "node:http";
import { connect, createServer as createTcpServer, type Server } from "node:net";
import { gzipSync } from "node:zlib";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

// One test per fault that reviewers found, so that it does not come back.

const digest = `sha256:${"a".repeat(64)}`;

/** A server of a few lines, closed at the end. */
async function serve(server: Server, listener?: RequestListener) {
  if (listener !== undefined) {
    server.on("request", listener);
  }
  const sockets = new Set<{ destroy(): unknown }>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("a mount that is hidden in a form body", () => {
  it.each(["application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x"])(
    "is not told to hosted: %s arrives as bytes, since registries read parameters of forms",
    async (type) => {
      await using hosted = await startRegistry();
      await using proxy = await startRegistry();
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });
      const body = `mount=${digest}&from=secret`;

      for (const [method, target] of [
        ["POST", "/v2/a/blobs/uploads/"],
        ["PATCH", "/v2/a/blobs/uploads/x"],
        ["PUT", "/v2/a/blobs/uploads/x"],
      ] as const) {
        await fetchRaw(router.url, target, { method, body, headers: { "Content-Type": type } });
      }

      expect(hosted.requests.map(({ headers }) => headers["content-type"])).toEqual(
        Array(3).fill("application/octet-stream"),
      );
    },
  );
});

describe("a token realm that the registry builds from X-Forwarded-Host", () => {
  it("is asked at the registry's own address: a client cannot redirect the router's password", async () => {
    const user = { username: "router", password: "right" };
    await using thief = await startRegistry();
    await using hosted = await startRegistry({ tokens: { user } });
    hosted.addImage("a", { tag: "1" });
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });

    const answers: Received[] = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      answers.push(await fetchRaw(router.url, "/v2/a/manifests/1", { headers: { Host: thief.host } }));
      answers.push(
        await fetchRaw(router.url, "/v2/b/blobs/uploads/", { method: "POST", headers: { Host: thief.host } }),
      );
    }

    expect(answers.map(({ status }) => status)).toEqual([200, 202, 200, 202]);
    expect(thief.requests).toEqual([]);
  });
});

describe("a token realm that the registry builds from a vendor header", () => {
  it("is asked at the registry's own address, too", async () => {
    const user = { username: "router", password: "right" };
    const override = "X-JFrog-Override-Base-Url";
    await using thief = await startRegistry();
    await using proxy = await startRegistry();
    await using hosted = await serve(createServer(), ({ headers, url = "" }, response) => {
      if (url.startsWith("/token")) {
        response.end('{"token":"good"}');
      } else if (headers.authorization === "Bearer good") {
        response.end('{"layers":[]}');
      } else {
        const base = headers[override.toLowerCase()] ?? `http://${headers.host}`;
        response.writeHead(401, { "WWW-Authenticate": `Bearer realm="${base}/token"` }).end();
      }
    });
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1", { headers: { [override]: thief.url } });

    expect([answer.status, thief.requests]).toEqual([200, []]);
  });
});

describe("a client that leaves while it is being authorized", () => {
  it("opens no connection to hosted", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let asked = 0;
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      authorize: async () => {
        asked += 1;
        await released;
        return { decision: "allow" };
      },
    });
    const clients = Array.from({ length: 20 }, () => {
      const client = connect(router.port, "127.0.0.1");
      client.on("error", () => undefined);
      client.write("PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: r\r\nContent-Length: 100\r\n\r\nabc");
      return client;
    });
    await until(5000, "all are being authorized", () => asked === 20);
    for (const client of clients) {
      client.destroy();
    }
    await within(5000, "nothing is in flight", router.handler.close());
    release();
    await released;

    expect([hosted.requests.length, hosted.openConnections]).toEqual([0, 0]);
  });
});

describe("a challenge that is no valid header value", () => {
  it("is 500, and the next request is served", async () => {
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: hosted.url,
      authorize: (_request, { access }) =>
        access === "catalog" ? { decision: "challenge", challenge: 'Basic realm="a\u20ac"' } : "allow",
    });

    const broken = await fetchRaw(router.url, "/v2/_catalog");
    const next = await fetchRaw(router.url, "/v2/");

    expect([broken.status, errorOf(broken).code, next.status]).toEqual([500, "UNKNOWN", 200]);
  });
});

describe("a peer that stalls near the end of a body", () => {
  it("client: the response is aborted when it does not read the rest, also of a short body", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      limits: { clientIdle: 200 },
    });
    // Around what a loopback connection holds, so that the tail stays in the router for some of them.
    const targets = [3_000_000, 4_200_000, 5_000_000, 7_000_000].map(
      (size) => `/v2/a/blobs/${proxy.addBlob("a", Buffer.alloc(size, size)).digest}`,
    );
    const clients = targets.map((target) => {
      const client = connect(router.port, "127.0.0.1", () =>
        client.write(`GET ${target} HTTP/1.1\r\nHost: r\r\n\r\n`),
      );
      client.on("error", () => undefined);
      return client.pause();
    });
    await until(5000, "all are asked for", () => proxy.requests.length === targets.length);

    await within(5000, "nothing is in flight", router.handler.close());

    for (const client of clients) {
      client.destroy();
    }
  });

  it.each([
    ["PUT", "manifests/1", 10_000],
    ["PUT", "manifests/1", 4_000_000],
    ["PATCH", "blobs/uploads/1", 10_000],
    ["PATCH", "blobs/uploads/1", 1_000_000],
    ["PATCH", "blobs/uploads/1", 4_270_000],
  ])("upstream: %s %s of %i bytes is answered 504 when it stops reading", async (method, rest, size) => {
    await using deaf = await serve(createTcpServer((socket) => socket.once("data", () => socket.pause())));
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: deaf.url, timeouts: { idle: 200, write: 200 } },
      proxy: proxy.url,
    });

    const answer = await fetchRaw(router.url, `/v2/a/${rest}`, { method, body: Buffer.alloc(size) });

    expect([answer.status, errorOf(answer).code]).toEqual([504, "UPSTREAM_TIMEOUT"]);
  });
});

describe("an upstream that switches protocols", () => {
  it.each(["GET", "HEAD", "PUT"])("is a failure, not a wait for ever: %s", async (method) => {
    await using odd = await serve(
      createTcpServer((socket) =>
        socket.once("data", () =>
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        ),
      ),
    );
    await using router = await startRouter({ hosted: odd.url, proxy: odd.url });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1", {
      method,
      ...(method === "PUT" && { body: "{}" }),
    });
    const health = await fetchRaw(router.url, "/healthcheck");

    expect([answer.status, health.status]).toEqual([502, 503]);
  });
});

describe("a push that begins on a connection that hosted has closed", () => {
  it("is retried once without an error, since nothing was sent that cannot be repeated", async () => {
    const served = new WeakSet<object>();
    await using forgetful = await serve(createServer(), (request, response) => {
      if (served.has(request.socket)) {
        request.socket.resetAndDestroy();
        return;
      }
      served.add(request.socket);
      response.writeHead(202, { Location: "/v2/a/blobs/uploads/1" }).end();
    });
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: forgetful.url, proxy: proxy.url });
    const begin = async () => (await fetchRaw(router.url, "/v2/a/blobs/uploads/", { method: "POST" })).status;

    expect([await begin(), await begin()]).toEqual([202, 202]);
  });
});

describe("an upstream that supports compression", () => {
  it("is not asked to compress errors and referrers, which the router reads", async () => {
    const unknown = JSON.stringify({
      errors: [{ code: "UNKNOWN", detail: { errors: [{ code: "MANIFEST_UNKNOWN" }] } }],
    });
    await using compressing = await serve(createServer(), ({ headers, url }, response) => {
      const gzip = String(headers["accept-encoding"]).includes("gzip");
      const [status, text] = url?.includes("referrers") ? [200, '{"manifests":[]}'] : [500, unknown];
      response
        .writeHead(status, gzip ? { "Content-Encoding": "gzip" } : {})
        .end(gzip ? gzipSync(text) : text);
    });
    await using router = await startRouter({ hosted: compressing.url, proxy: compressing.url });
    const headers = { "Accept-Encoding": "gzip" };

    const manifest = await fetchRaw(router.url, `/v2/a/manifests/${digest}`, { headers });
    const referrers = await fetchRaw(router.url, `/v2/a/referrers/${digest}`, { headers });

    expect([manifest.status, referrers.status]).toEqual([404, 200]);
  });

  it("gets no range and no conditions with requests for lists that the router merges", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    await fetchRaw(router.url, `/v2/a/referrers/${digest}`, {
      headers: { Range: "bytes=0-1", "If-None-Match": "x" },
    });

    for (const { headers } of [...hosted.requests, ...proxy.requests]) {
      expect([headers.range, headers["if-none-match"]]).toEqual([undefined, undefined]);
    }
  });
});

describe("a response that was closed before the router got it", () => {
  it("does not keep close() from resolving", async () => {
    await using hosted = await startRegistry();
    const handler = createCombinedRegistryHandler({ hosted: hosted.url, proxy: hosted.url });
    const handed: Promise<void>[] = [];
    const server = createServer((request, response) => {
      handed.push(
        new Promise((resolve) => {
          response.once("close", () => {
            handler(request, response);
            resolve();
          });
        }),
      );
    });
    const port = await listen(server);
    const client = connect(port, "127.0.0.1", () => client.write("GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n"));
    await until(5000, "the request is there", () => handed.length === 1);
    client.destroy();
    await within(5000, "the router is handed the remains", Promise.all(handed));

    await within(2000, "close", handler.close());

    expect(await handler.metrics.metrics()).toContain("combined_registry_open_connections 0");
    server.close();
  });
});

describe("names of properties that every JavaScript object has", () => {
  it("cause neither a 500 as digest algorithms nor headers that were never sent", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const blob = await fetchRaw(router.url, "/v2/x/blobs/constructor:abc");
    await fetchRaw(router.url, "/v2/x/manifests/1", {
      method: "PUT",
      body: "{}",
      headers: { constructor: "foo" },
    });

    expect(blob.status).toBe(404);
    expect(hosted.requests.at(-1)?.rawHeaders.join()).not.toContain("foo");
  });
});

describe("followed redirects", () => {
  it("to storage that answers an error are a failure, not a not found", async () => {
    await using storage = await serve(createServer(), (_request, response) => response.writeHead(403).end());
    await using proxy = await startRegistry({ redirectBlobs: storage.url });
    await using hosted = await startRegistry();
    const blob = proxy.addBlob("a", "x");
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, redirects: "follow" },
    });

    const answer = await fetchRaw(router.url, `/v2/a/blobs/${blob.digest}`);

    expect(answer.status).toBe(502);
    expect(errorOf(answer).message).toContain("redirected to storage that answered 403");
  });

  it.each([
    "/v2/other/manifests/1",
    "/%762/other/manifests/1",
    "/%76%32/other/manifests/1",
    "/v2%2Fother/manifests/1",
    "/v2/a%2F..%2Fother/manifests/1",
    "/v2/a/manifests/..%2F..%2F_catalog",
    "/v2/a/manifests/..%5C..%5C_catalog",
    "/x%2F..%2Fv2/other/manifests/1",
    "/V2/other/manifests/1",
    "/prefix/v2/other/manifests/1",
    "/%v2/other/manifests/1",
  ])("to %s of the upstream itself get no credentials", async (location) => {
    const seen: string[] = [];
    await using proxy = await serve(createServer(), ({ url, headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="registry"' }).end();
        return;
      }
      seen.push(url ?? "");
      response.writeHead(307, { Location: location }).end();
    });
    await using hosted = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, auth: { username: "router", password: "secret" } },
    });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1");

    expect(answer.status).toBe(502);
    expect(new Set(seen)).toEqual(new Set(["/v2/a/manifests/1"]));
  });

  it("happen for reads alone", async () => {
    const seen: string[] = [];
    await using storage = await serve(createServer(), ({ method, url }, response) => {
      seen.push(`${method} ${url}`);
      response.writeHead(307, { Location: `http://127.0.0.1:9/${seen.length}` }).end();
    });
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: storage.url, redirects: "follow" },
      proxy: proxy.url,
    });

    const answer = await fetchRaw(router.url, `/v2/a/blobs/${digest}`, { method: "DELETE" });

    expect([answer.status, seen]).toEqual([307, [`DELETE /v2/a/blobs/${digest}`]]);
  });
});

describe("a response that comes before the end of an upload", () => {
  it("reaches a client with Connection: close that reads only after it has sent everything", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, authorize: () => "deny" });
    const body = Buffer.alloc(20_000_000);

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1", {
      method: "PUT",
      body,
      headers: { Connection: "close" },
    });

    expect([answer.status, answer.complete]).toEqual([403, true]);
  });
});

describe("a chunk out of order", () => {
  it("is answered 416 with hosted's own body", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });
    const begun = await fetchRaw(router.url, "/v2/a/blobs/uploads/", { method: "POST" });

    const answer = await fetchRaw(router.url, begun.headers.location ?? "", {
      method: "PATCH",
      body: "x",
      headers: { "Content-Range": "7-7" },
    });

    expect([answer.status, errorOf(answer).code]).toEqual([416, "BLOB_UPLOAD_INVALID"]);
  });
});

describe("a truncated body without Content-Length", () => {
  it("ends in a connection error for an HTTP/1.0 client too, for which the connection's end is the body's end", async () => {
    await using cut = await serve(createServer(), (_request, response) => {
      response.write("beginning", () => response.destroy());
    });
    await using router = await startRouter({ hosted: cut.url, proxy: cut.url });
    const ended = new Promise<string>((resolve) => {
      const client = connect(router.port, "127.0.0.1", () =>
        client.write(`GET /v2/a/blobs/sha256:${"0".repeat(64)} HTTP/1.0\r\n\r\n`),
      );
      client.resume();
      client.once("error", () => resolve("error"));
      client.once("end", () => resolve("end"));
    });

    expect(await within(5000, "the end", ended)).toBe("error");
  });
});

describe("after drain()", () => {
  it("the response to a request received before is the last on its connection too", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });
    hosted.fault({ delay: 100, path: "/v2/_catalog" });
    const pending = fetchRaw(router.url, "/v2/_catalog", { headers: { Connection: "keep-alive" } });
    await until(5000, "hosted is asked", () => hosted.requests.length === 1);

    router.handler.drain();

    expect((await pending).headers.connection).toBe("close");
  });
});
