import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { asked, digestOf, manifestType, putManifest } from "../../support/push.ts";
import { listen, startRouter } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

const quiet = { rules: [{ match: "**", shadow: "allow" as const }] };
const tag = "/v2/library/tool/manifests/1.0";
const manifestOf = (text: unknown) => JSON.stringify({ schemaVersion: 2, text });
const theManifest = manifestOf("the manifest");

interface Held {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A proxy that answers when it is told to. */
async function startHolding() {
  const held: Held[] = [];
  const server = createServer((request, response) => void held.push({ request, response }));
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    held,
    /** Waits for so many requests in all. */
    has: (count: number) => until(5_000, `${count} requests at the proxy`, () => held.length === count),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function startHeld(options: Parameters<typeof startRouter>[0] | object = {}) {
  const proxy = await startHolding();
  const hosted = await startRegistry();
  let admitted = 0;
  const authorize = () => {
    admitted += 1;
    return "allow" as const;
  };
  const config = { hosted: hosted.url, proxy: proxy.url, authorize, ...quiet, ...options };
  const router = await startRouter(config);
  return {
    proxy,
    hosted,
    router,
    config,
    /** Sends requests, and waits until all of them have got as far as to ask upstreams, or to wait with those who do. */
    async inFlight(count: number, method = "GET"): Promise<Promise<Received>[]> {
      const before = admitted;
      const sent = Array.from({ length: count }, () => fetchRaw(router.url, tag, { method }));
      await until(20_000, `${count} requests in the router`, () => admitted === before + count);
      return sent;
    },
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await hosted.close();
    },
  };
}

function answerAll({ held }: { readonly held: readonly Held[] }, text: string): void {
  for (const one of held) {
    answer(one, text);
  }
}

function answer({ response }: Held, text: string, headers: Record<string, string | number> = {}): void {
  response.writeHead(200, {
    "Content-Type": "application/vnd.oci.image.manifest.v1+json",
    "Docker-Content-Digest": digestOf(text),
    "Content-Length": text.length,
    ...headers,
  });
  response.end(text);
}

describe("a manifest that many clients request at the same time", () => {
  it("is requested once, and every client gets it", async () => {
    await using sides = await startHeld();
    const { proxy, hosted } = sides;
    const sent = await sides.inFlight(500);
    answerAll(proxy, theManifest);

    const answers = await within(20_000, "all answers", Promise.all(sent));

    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(
      new Set([`200 ${theManifest}`]),
    );
    expect([proxy.held.length, hosted.requests.length]).toEqual([1, 0]);
  });

  it("is requested once by HEAD, and a HEAD joins a GET in progress", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const get = fetchRaw(router.url, tag);
    await proxy.has(1);
    const head = await sides.inFlight(2, "HEAD");
    answerAll(proxy, theManifest);

    const [whole, ...heads] = await within(5_000, "all answers", Promise.all([get, ...head]));

    expect(whole).toMatchObject({ status: 200, body: Buffer.from(theManifest) });
    for (const one of heads) {
      expect(one).toMatchObject({
        status: 200,
        body: Buffer.alloc(0),
        headers: { "content-length": String(theManifest.length) },
      });
    }
    expect(proxy.held).toHaveLength(1);
  });

  it("is requested once if it comes in chunks", async () => {
    await using sides = await startHeld();
    const { proxy } = sides;
    const sent = await sides.inFlight(3);
    proxy.held[0]?.response.writeHead(200).end(theManifest);

    for (const { status, body } of await within(5_000, "all answers", Promise.all(sent))) {
      expect([status, body.toString()]).toEqual([200, theManifest]);
    }
    expect(proxy.held).toHaveLength(1);
  });

  it("is requested for a GET although a HEAD is in progress", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const head = fetchRaw(router.url, tag, { method: "HEAD" });
    await proxy.has(1);
    const get = fetchRaw(router.url, tag);
    await proxy.has(2);
    for (const one of proxy.held) {
      answer(one, theManifest);
    }

    expect([(await head).body.length, (await get).body.toString()]).toEqual([0, theManifest]);
  });

  it.each<[string, Record<string, string>, string]>([
    ["another Accept", { Accept: "application/vnd.oci.image.index.v1+json" }, ""],
    ["a credential of the client's own", { "X-Api-Key": "secret" }, ""],
    ["a cookie", { Cookie: "session=1" }, ""],
    ["a part of it", { Range: "bytes=0-1" }, ""],
    ["only what is new", { "If-None-Match": '"x"' }, ""],
    ["another query", {}, "?ns=other.example"],
  ])("is requested separately for a client with %s", async (_, headers, search) => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const first = fetchRaw(router.url, tag);
    await proxy.has(1);
    const other = fetchRaw(router.url, `${tag}${search}`, { headers });
    await proxy.has(2);
    for (const [index, one] of proxy.held.entries()) {
      answer(one, manifestOf(index));
    }

    expect([(await first).body.toString(), (await other).body.toString()]).toEqual([
      manifestOf(0),
      manifestOf(1),
    ]);
  });

  it("is requested separately for each client of a hosted registry with auth passthrough", async () => {
    await using hosted = await startRegistry({ auth: { username: "anna", password: "secret" } });
    hosted.addImage("library/tool", { tag: "1.0" });
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
      ...quiet,
    });
    hosted.fault({ delay: 300 });
    const anna = { Authorization: `Basic ${Buffer.from("anna:secret").toString("base64")}` };

    const answers = await Promise.all([
      fetchRaw(router.url, tag, { headers: anna }),
      fetchRaw(router.url, tag),
      fetchRaw(router.url, tag, { headers: anna }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([200, 401, 200]);
    expect([asked(hosted, "GET").length, asked(proxy, "GET").length]).toEqual([3, 1]);
  });

  it("reaches the other clients when the first one leaves", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const leaver = connect(router.port, "127.0.0.1");
    leaver.write(`GET ${tag} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await proxy.has(1);
    const others = await sides.inFlight(3);
    const [first] = proxy.held;
    let upstreamLost = false;
    first?.response.once("close", () => {
      upstreamLost = first.response.writableFinished === false;
    });
    leaver.destroy();
    await until(5_000, "the router to notice", async () => {
      const { body } = await fetchRaw(router.url, "/metrics");
      return Number(/open_connections (\d+)/.exec(body.toString())?.[1]) === 4;
    });
    answerAll(proxy, theManifest);

    for (const one of await within(5_000, "the others", Promise.all(others))) {
      expect(one).toMatchObject({ status: 200, body: Buffer.from(theManifest) });
    }
    expect([proxy.held.length, upstreamLost]).toEqual([1, false]);
  });

  it("is no longer requested when all clients have left", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const clients = [1, 2].map(() => connect(router.port, "127.0.0.1"));
    for (const client of clients) {
      client.write(`GET ${tag} HTTP/1.1\r\nHost: a\r\n\r\n`);
    }
    await proxy.has(1);
    const [held] = proxy.held;
    const closed = held && once(held.response, "close");
    for (const client of clients) {
      client.destroy();
    }

    await within(5_000, "the request to the proxy to be given up", Promise.resolve(closed));
    const later = fetchRaw(router.url, tag);
    await proxy.has(2);
    const [, second] = proxy.held;
    answer(second as Held, manifestOf("a later one"));
    expect((await later).body.toString()).toBe(manifestOf("a later one"));
  });

  it("is requested once more for the waiting clients if the first request failed", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const first = fetchRaw(router.url, tag);
    await proxy.has(1);
    const others = await sides.inFlight(5);
    proxy.held[0]?.response.destroy();
    await proxy.has(2);
    answer(proxy.held[1] as Held, theManifest);

    expect((await first).status).toBe(502);
    for (const one of await within(5_000, "the others", Promise.all(others))) {
      expect(one).toMatchObject({ status: 200, body: Buffer.from(theManifest) });
    }
    expect(proxy.held).toHaveLength(2);
  });

  it("is requested twice, not once for each client, where both requests fail", async () => {
    await using sides = await startHeld();
    const { proxy } = sides;
    const sent = await sides.inFlight(50);
    await proxy.has(1);
    proxy.held[0]?.response.writeHead(500).end();
    await proxy.has(2);
    proxy.held[1]?.response.writeHead(500).end();

    const answers = await within(5_000, "all answers", Promise.all(sent));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([502]));
    expect(proxy.held).toHaveLength(2);
  });

  it.each<[string, (held: Held) => void]>([
    ["is long", (held) => answer(held, "x".repeat(300_000))],
    ["calls itself private", (held) => answer(held, theManifest, { "Cache-Control": "private" })],
    ["sets a cookie", (held) => answer(held, theManifest, { "Set-Cookie": "a=b" })],
    ["names an address", (held) => answer(held, theManifest, { Link: "<http://a/v2/>; rel=next" })],
    [
      "is not there, with a cookie",
      ({ response }) => void response.writeHead(404, { "Set-Cookie": "a=b" }).end(),
    ],
  ])("is requested for each client if it %s", async (_, reply) => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const first = fetchRaw(router.url, tag);
    await proxy.has(1);
    const others = await sides.inFlight(2);
    reply(proxy.held[0] as Held);
    await proxy.has(3);
    proxy.held.slice(1).forEach(reply);

    const [one, ...rest] = await within(5_000, "all answers", Promise.all([first, ...others]));
    for (const { status, body } of rest) {
      expect([status, body]).toEqual([one?.status, one?.body]);
    }
  });

  it("that does not end in time is a failure of its upstream", async () => {
    await using hosted = await startRegistry();
    const image = hosted.addImage("library/tool", { tag: "1.0" });
    await using proxy = await startHolding();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, timeouts: { idle: 200 } },
      ...quiet,
    });
    const pulled = fetchRaw(router.url, tag);
    await proxy.has(1);
    proxy.held[0]?.response.writeHead(200, { "Content-Length": 1_000 }).write("{");

    const { status, body, headers } = await pulled;

    expect([status, digestOf(body)]).toEqual([200, image.digest]);
    expect(headers["x-combined-registry"]).toBe(
      "hosted; found; proxy failed (did not send the end of a manifest in time)",
    );
  });

  it("that breaks off is a failure of its upstream, and the next one is asked", async () => {
    await using sides = await startHeld();
    const { proxy, hosted, router } = sides;
    const image = hosted.addImage("library/tool", { tag: "1.0" });
    const pulled = fetchRaw(router.url, tag);
    await proxy.has(1);
    const [held] = proxy.held;
    held?.response.writeHead(200, { "Content-Length": 1_000 });
    held?.response.write("{", () => held.response.destroy());

    const { status, body, headers } = await pulled;

    expect([status, digestOf(body)]).toEqual([200, image.digest]);
    expect(headers["x-combined-registry"]).toBe(
      "hosted; found; proxy failed (broke off in the middle of a manifest)",
    );
  });
});

describe("a manifest request that began before a reload", () => {
  it("is not joined by a client with other headers after the caches are reset", async () => {
    await using sides = await startHeld();
    const { proxy, router, config } = sides;
    const first = fetchRaw(router.url, tag, { headers: { Accept: "a/a" } });
    await proxy.has(1);

    router.handler.reload({ ...config, memory: { ttl: 1_000 } });
    const second = fetchRaw(router.url, tag, { headers: { Accept: "b/b" } });
    await proxy.has(2);
    for (const one of proxy.held) {
      answer(one, manifestOf(one.request.headers.accept));
    }

    expect([(await first).body.toString(), (await second).body.toString()]).toEqual([
      manifestOf("a/a"),
      manifestOf("b/b"),
    ]);
  });
});

describe("a tag that is pushed during a pull of it", () => {
  const oldOne = JSON.stringify({ schemaVersion: 2, annotations: { is: "old" } });
  const newOne = JSON.stringify({ schemaVersion: 2, annotations: { is: "new" } });

  it("is the pushed one for later requests", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startHolding();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      rules: [{ match: "**", pull: ["hosted"], shadow: "allow" }],
    });
    const before = fetchRaw(router.url, tag);
    await hosted.has(1);
    const pushing = putManifest(router, "library/tool", "1.0", newOne);
    await hosted.has(2);
    hosted.held[1]?.response.writeHead(201, { "Docker-Content-Digest": digestOf(newOne) }).end();
    expect((await pushing).status).toBe(201);

    const after = fetchRaw(router.url, tag);
    await hosted.has(3);
    answer(hosted.held[2] as Held, newOne);
    answer(hosted.held[0] as Held, oldOne);

    expect([(await before).body.toString(), (await after).body.toString()]).toEqual([oldOne, newOne]);
  });

  it("is not cached as not found by a proxy's earlier request", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const before = fetchRaw(router.url, tag);
    await proxy.has(1);
    expect((await putManifest(router, "library/tool", "1.0", newOne)).status).toBe(201);
    proxy.held[0]?.response.writeHead(404).end();
    expect((await before).body.toString()).toBe(newOne);

    const after = fetchRaw(router.url, tag);
    await proxy.has(2);
    answer(proxy.held[1] as Held, oldOne);

    expect((await after).body.toString()).toBe(oldOne);
  });

  it("is requested again after a push whose result is unknown", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startHolding();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      rules: [{ match: "**", pull: ["hosted"], shadow: "allow" }],
    });
    const before = fetchRaw(router.url, tag);
    await hosted.has(1);
    const pushing = putManifest(router, "library/tool", "1.0", newOne);
    await hosted.has(2);
    hosted.held[1]?.response.destroy();
    expect(errorOf(await pushing).code).toBe("UPSTREAM_FAILED");

    const after = fetchRaw(router.url, tag);
    await hosted.has(3);
    answer(hosted.held[2] as Held, newOne);
    answer(hosted.held[0] as Held, oldOne);

    expect([(await before).body.toString(), (await after).body.toString()]).toEqual([oldOne, newOne]);
  });
});

describe("a referrers index that is requested while the router writes it", () => {
  it("is the written one for later requests", async () => {
    const subject = digestOf("a subject");
    const index = `/v2/library/tool/manifests/${subject.replace(":", "-")}`;
    const signature = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      subject: { mediaType: manifestType, digest: subject, size: 9 },
    });
    await using proxy = await startRegistry();
    await using hosted = await startHolding();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      rules: [{ match: "**", pull: ["hosted"], shadow: "allow" }],
    });
    const before = fetchRaw(router.url, index);
    await hosted.has(1);
    const pushing = putManifest(router, "library/tool", digestOf(signature), signature);
    await hosted.has(2);
    hosted.held[1]?.response.writeHead(201, { "Content-Length": 0 }).end();
    await hosted.has(3);
    hosted.held[2]?.response.writeHead(404).end();
    await hosted.has(4);
    expect([hosted.held[3]?.request.method, hosted.held[3]?.request.url]).toEqual(["PUT", index]);
    const during = fetchRaw(router.url, `${index}?during`);
    await hosted.has(5);
    hosted.held[3]?.response.writeHead(201, { "Content-Length": 0 }).end();
    expect((await pushing).status).toBe(201);

    const after = [fetchRaw(router.url, index), fetchRaw(router.url, `${index}?during`)];
    await hosted.has(7);
    for (const [index, one] of hosted.held.entries()) {
      if (!one.response.headersSent) {
        answer(one, manifestOf(index < 5 ? "old" : "new"));
      }
    }

    const answers = await Promise.all([before, during, ...after]);
    expect(answers.map(({ body }) => body.toString())).toEqual(["old", "old", "new", "new"].map(manifestOf));
  });
});

describe("a manifest that is deleted during a pull of it", () => {
  it("is not cached by the earlier request", async () => {
    const manifest = JSON.stringify({ schemaVersion: 2, annotations: { is: "deleted" } });
    const path = `/v2/library/tool/manifests/${digestOf(manifest)}`;
    await using proxy = await startRegistry();
    await using hosted = await startHolding();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      rules: [{ match: "**", pull: ["hosted"] }],
    });
    const before = fetchRaw(router.url, path);
    await hosted.has(1);
    const deleting = fetchRaw(router.url, path, { method: "DELETE" });
    // Whether it stands on a list of referrers.
    await hosted.has(2);
    answer(hosted.held[1] as Held, manifest);
    await hosted.has(3);
    hosted.held[2]?.response.writeHead(202, { "Content-Length": 0 }).end();
    expect((await deleting).status).toBe(202);
    answer(hosted.held[0] as Held, manifest);
    expect((await before).body.toString()).toBe(manifest);

    const after = fetchRaw(router.url, path);
    await hosted.has(4);
    hosted.held[3]?.response.writeHead(404).end();

    expect((await after).status).toBe(404);
  });
});
