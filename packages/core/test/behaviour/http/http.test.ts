import { createServer } from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";
import { within } from "../../support/within.ts";

/** Sends bytes as they are and reads until the other end closes. */
function exchangeRaw(port: number, bytes: string): Promise<string> {
  return within(
    5000,
    JSON.stringify(bytes.slice(0, 40)),
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
      let received = "";
      socket.setEncoding("latin1");
      socket.on("data", (text: string) => {
        received += text;
      });
      socket.on("close", () => resolve(received));
      socket.on("error", reject);
    }),
  );
}

describe("every answer under /v2/", () => {
  it.each([
    ["GET", "/v2/", 503],
    ["GET", "/v2", 301],
    ["GET", "/v2/a", 404],
    ["GET", "/v2/a/manifests/sha256:zz", 400],
    ["GET", "/v2/A/manifests/x", 400],
    ["GET", "/v2/a%2Fb/manifests/x", 400],
    ["GET", "/v2/../../etc/passwd", 404],
    ["GET", "/v2//a/manifests/x", 400],
    ["GET", "/v2/a/manifests/%00", 404],
    ["PATCH", "/v2/a/manifests/x", 405],
    ["OPTIONS", "/v2/", 405],
    ["GET", "/v2/a/manifests/x", 502],
    ["PUT", "/v2/a/manifests/x", 502],
  ])("%s %s is %i with the API version and OCI JSON", async (method, target, status) => {
    await using router = await startRouter({ hosted: "http://127.0.0.1:9", proxy: "http://127.0.0.1:9" });

    const answer = await fetchRaw(router.url, target, { method });

    expect(answer.status).toBe(status);
    expect(answer.headers["docker-distribution-api-version"]).toBe("registry/2.0");
    if (status !== 301) {
      expect(errorOf(answer)).toMatchObject({
        code: expect.stringMatching(/^[A-Z_]+$/),
        message: expect.any(String),
      });
    }
  });

  it("accepts a target in absolute form", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const received = await exchangeRaw(
      router.port,
      "GET http://elsewhere.example/v2/_catalog HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
    );

    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(hosted.requests.map(({ url }) => url)).toEqual(["/v2/_catalog"]);
  });

  it("answers a TLS hello on the plain port with Node's plain-text 400, which Go clients fall back from", async () => {
    await using router = await startRouter({ hosted: "http://127.0.0.1:9", proxy: "http://127.0.0.1:9" });

    const received = await exchangeRaw(router.port, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");

    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });
});

describe("headers", () => {
  it("of an upstream are forwarded, repeated ones separately, except hop-by-hop headers", async () => {
    const odd = createServer((_request, response) => {
      response.writeHead(200, [
        ...[
          "OCI-Subject",
          "sha256:x",
          "Link",
          "<a>",
          "Link",
          "<b>",
          "X-Anything",
          "1",
          "Connection",
          "X-Hop",
          "X-Hop",
          "1",
        ],
        ...["Content-Length", "15", "Warning", '299 - "careful"', "OCI-Chunk-Min-Length", "5"],
      ]);
      response.end('{"layers": [ ]}');
    });
    const url = `http://127.0.0.1:${await listen(odd)}`;
    const router = await startRouter({ hosted: url, proxy: url });
    try {
      const { headers } = await fetchRaw(router.url, "/v2/a/manifests/x");

      expect(headers).toMatchObject({
        "oci-subject": "sha256:x",
        link: "<a>, <b>",
        warning: '299 - "careful"',
        "oci-chunk-min-length": "5",
        "docker-distribution-api-version": "registry/2.0",
      });
      expect(headers["x-hop"]).toBeUndefined();
      expect(headers["x-anything"]).toBeUndefined();
    } finally {
      await router[Symbol.asyncDispose]();
      odd.close();
    }
  });

  it("tell upstreams the client's address, and only a trusted load balancer may set it", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using wary = await startRouter({ hosted: hosted.url, proxy: proxy.url });
    await using trusting = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      trustProxy: ["127.0.0.0/8"],
    });
    const headers = {
      Host: "inner",
      "X-Forwarded-For": "192.0.2.1",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "registry.example",
    };

    for (const { url } of [wary, trusting]) {
      await fetchRaw(url, "/v2/_catalog", { headers });
    }

    expect(hosted.requests.map((request) => request.headers)).toEqual([
      expect.objectContaining({
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "inner",
      }),
      expect.objectContaining({
        "x-forwarded-for": "192.0.2.1, 127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "registry.example",
      }),
    ]);
    expect(hosted.requests[0]?.headers.host).toBe(hosted.host);
  });

  it("name the upstream that answered only where that is configured", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, decisionHeader: false });

    expect((await fetchRaw(router.url, "/v2/_catalog")).headers["x-combined-registry"]).toBeUndefined();
  });
});

describe("a loop", () => {
  it("is answered 508", async () => {
    await using proxy = await startRegistry();
    let inner = "";
    const entrance = createServer((request, response) => {
      // Stands for a load balancer in front of the router that hosted was pointed at by mistake.
      fetchRaw(inner, request.url ?? "", { headers: request.headers }).then(
        ({ status, body }) => response.writeHead(status).end(body),
        () => response.destroy(),
      );
    });
    const loop = `http://127.0.0.1:${await listen(entrance)}`;
    const router = await startRouter({ hosted: loop, proxy: proxy.url, via: "round-and-round" });
    inner = router.url;
    try {
      const answer = await fetchRaw(router.url, "/v2/_catalog");

      expect(answer.status).toBe(502);
      expect(errorOf(answer).message).toBe(
        "hosted failed (answered 508: an upstream leads back to this router: check hosted and proxy)",
      );
    } finally {
      await router[Symbol.asyncDispose]();
      entrance.closeAllConnections();
      entrance.close();
    }
  });
});

describe("redirects to object storage", () => {
  it.each(["pass", "follow"] as const)("%s", async (redirects) => {
    await using storage = await startRegistry();
    await using hosted = await startRegistry({ redirectBlobs: storage.url });
    await using proxy = await startRegistry();
    const blob = hosted.addBlob("a", "in storage");
    storage.addBlob("storage", "in storage");
    await using router = await startRouter({
      hosted: { url: hosted.url, redirects, auth: { username: "u", password: "p" } },
      proxy: proxy.url,
    });

    const answer = await fetchRaw(router.url, `/v2/a/blobs/${blob.digest}`);

    if (redirects === "pass") {
      expect(answer.status).toBe(307);
      expect(answer.headers.location).toMatch(new RegExp(`^${storage.url}/`));
      expect(storage.requests).toEqual([]);
    } else {
      expect([answer.status, answer.body.toString()]).toEqual([200, "in storage"]);
      expect(storage.requests[0]?.headers.authorization).toBeUndefined();
    }
  });
});

describe("a kept-alive connection that the upstream has closed", () => {
  it("is replaced by a new one without an error", async () => {
    // Answers each connection's first request and resets it at the second, as a server that times idle connections out.
    const served = new WeakSet<object>();
    let resets = 0;
    const forgetful = createServer((request, response) => {
      if (served.has(request.socket)) {
        resets += 1;
        request.socket.resetAndDestroy();
        return;
      }
      served.add(request.socket);
      response.end('{"repositories":[]}');
    });
    const url = `http://127.0.0.1:${await listen(forgetful)}`;
    const router = await startRouter({ hosted: url, proxy: url });
    try {
      const statuses = [
        await fetchRaw(router.url, "/v2/_catalog"),
        await fetchRaw(router.url, "/v2/_catalog"),
      ].map(({ status }) => status);

      expect(statuses).toEqual([200, 200]);
      expect(resets).toBe(1);
    } finally {
      await router[Symbol.asyncDispose]();
      forgetful.closeAllConnections();
      forgetful.close();
    }
  });

  it("never breaks a push with a body, which goes over a new connection", async () => {
    const served = new WeakSet<object>();
    const forgetful = createServer((request, response) => {
      if (served.has(request.socket)) {
        request.socket.resetAndDestroy();
        return;
      }
      served.add(request.socket);
      request.resume().on("end", () => response.writeHead(request.method === "PUT" ? 201 : 404).end());
    });
    const url = `http://127.0.0.1:${await listen(forgetful)}`;
    const router = await startRouter({ hosted: url, proxy: url });
    const push = async () =>
      (await fetchRaw(router.url, "/v2/a/manifests/1", { method: "PUT", body: "{}" })).status;
    try {
      await fetchRaw(router.url, "/v2/a/manifests/1");

      expect([await push(), await push(), await push()]).toEqual([201, 201, 201]);
    } finally {
      await router[Symbol.asyncDispose]();
      forgetful.closeAllConnections();
      forgetful.close();
    }
  });
});

describe("an upstream that sends more than one response", () => {
  it.each([
    ["a second answer", ""],
    ["a body that is longer than was said", "and more"],
  ])("%s is not taken for the response to the next request", async (_, rest) => {
    const answerOf = (text: string) =>
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    const sockets: Socket[] = [];
    const talkative = createTcpServer((socket) => {
      const count = sockets.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", () => socket.write(answerOf(`{"repositories":["${count}"]}`)));
    });
    const url = `http://127.0.0.1:${await listen(talkative)}`;
    const router = await startRouter({ hosted: url, proxy: url });
    const list = async () => (await fetchRaw(router.url, "/v2/_catalog")).body.toString();
    try {
      const first = await list();
      const [kept] = sockets;
      const closed = new Promise((resolve) => kept?.once("close", resolve));
      kept?.write(rest + answerOf('{"repositories":["poison"]}'));
      await within(5_000, "the kept connection's end", closed);

      expect([first, await list()]).toEqual(['{"repositories":["1"]}', '{"repositories":["2"]}']);
    } finally {
      await router[Symbol.asyncDispose]();
      talkative.close();
    }
  });
});
