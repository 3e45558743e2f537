import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "./support/client.ts";
import { asked, digestOf, putManifest } from "./support/push.ts";
import { listen, startRouter } from "./support/router.ts";
import { until, within } from "./support/within.ts";

const quiet = { rules: [{ match: "**", shadow: "allow" as const }] };
const tag = "/v2/library/tool/manifests/1.0";

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
  const router = await startRouter({ hosted: hosted.url, proxy: proxy.url, ...quiet, ...options });
  return {
    proxy,
    hosted,
    router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await hosted.close();
    },
  };
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

function summaryOf(received: unknown): string {
  const { status, body } = Object(received);
  return `${status} ${body}`;
}

/** Requests that have got into the router and wait there. */
async function inFlight(
  url: string,
  send: () => Promise<unknown>,
  count: number,
): Promise<Promise<unknown>[]> {
  const sent = Array.from({ length: count }, send);
  await until(5_000, `${count} requests in the router`, async () => {
    const { body } = await fetchRaw(url, "/metrics");
    return Number(/open_connections (\d+)/.exec(body.toString())?.[1]) >= count + 1;
  });
  return sent;
}

describe("a manifest that many ask for at a time", () => {
  it("is asked for once, and everybody is answered", async () => {
    await using sides = await startHeld();
    const { proxy, hosted, router } = sides;
    const answers = await inFlight(router.url, () => fetchRaw(router.url, tag), 500);
    await proxy.has(1);
    for (const one of proxy.held) {
      answer(one, "the manifest");
    }

    const received = await within(10_000, "all answers", Promise.all(answers));

    expect(new Set(received.map(summaryOf))).toEqual(new Set(["200 the manifest"]));
    expect([proxy.held.length, hosted.requests.length]).toEqual([1, 0]);
  });

  it("is asked for once by HEAD, and a HEAD waits for a GET that is under way", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const get = fetchRaw(router.url, tag);
    await proxy.has(1);
    const head = await inFlight(router.url, () => fetchRaw(router.url, tag, { method: "HEAD" }), 2);
    for (const one of proxy.held) {
      answer(one, "the manifest");
    }

    const [whole, ...heads] = await within(5_000, "all answers", Promise.all([get, ...head]));

    expect(whole).toMatchObject({ status: 200, body: Buffer.from("the manifest") });
    for (const one of heads) {
      expect(one).toMatchObject({ status: 200, body: Buffer.alloc(0), headers: { "content-length": "12" } });
    }
    expect(proxy.held).toHaveLength(1);
  });

  it("is not given by a HEAD to a GET", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const head = fetchRaw(router.url, tag, { method: "HEAD" });
    await proxy.has(1);
    const get = fetchRaw(router.url, tag);
    await proxy.has(2);
    for (const one of proxy.held) {
      answer(one, "the manifest");
    }

    expect([(await head).body.length, (await get).body.toString()]).toEqual([0, "the manifest"]);
  });

  it.each<[string, Record<string, string>, string]>([
    ["another Accept", { Accept: "application/vnd.oci.image.index.v1+json" }, ""],
    ["a credential of the client's own", { "X-Api-Key": "secret" }, ""],
    ["a cookie", { Cookie: "session=1" }, ""],
    ["a part of it", { Range: "bytes=0-1" }, ""],
    ["only what is new", { "If-None-Match": '"x"' }, ""],
    ["another query", {}, "?ns=other.example"],
  ])("is asked for apart by who wants it with %s", async (_, headers, search) => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const first = fetchRaw(router.url, tag);
    await proxy.has(1);
    const other = fetchRaw(router.url, `${tag}${search}`, { headers });
    await proxy.has(2);
    for (const [index, one] of proxy.held.entries()) {
      answer(one, `manifest ${index}`);
    }

    expect([(await first).body.toString(), (await other).body.toString()]).toEqual([
      "manifest 0",
      "manifest 1",
    ]);
  });

  it("is asked for apart by each client whose own credentials hosted judges", async () => {
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

  it("reaches the others when the one who asked first leaves", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const leaver = connect(router.port, "127.0.0.1");
    leaver.write(`GET ${tag} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await proxy.has(1);
    const others = await inFlight(router.url, () => fetchRaw(router.url, tag), 3);
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
    for (const one of proxy.held) {
      answer(one, "the manifest");
    }

    for (const one of await within(5_000, "the others", Promise.all(others))) {
      expect(one).toMatchObject({ status: 200, body: Buffer.from("the manifest") });
    }
    expect([proxy.held.length, upstreamLost]).toEqual([1, false]);
  });

  it("is given up when all have left", async () => {
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
    answer(second as Held, "a later one");
    expect((await later).body.toString()).toBe("a later one");
  });

  it("is asked for once more for those who waited, if the first request failed", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const first = fetchRaw(router.url, tag);
    await proxy.has(1);
    const others = await inFlight(router.url, () => fetchRaw(router.url, tag), 5);
    proxy.held[0]?.response.destroy();
    await proxy.has(2);
    answer(proxy.held[1] as Held, "the manifest");

    expect((await first).status).toBe(502);
    for (const one of await within(5_000, "the others", Promise.all(others))) {
      expect(one).toMatchObject({ status: 200, body: Buffer.from("the manifest") });
    }
    expect(proxy.held).toHaveLength(2);
  });

  it("is asked for twice, not by everybody, where it goes on failing", async () => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const sent = await inFlight(router.url, () => fetchRaw(router.url, tag), 50);
    await proxy.has(1);
    proxy.held[0]?.response.writeHead(500).end();
    await proxy.has(2);
    proxy.held[1]?.response.writeHead(500).end();

    const answers = await within(5_000, "all answers", Promise.all(sent));

    expect(new Set(answers.map((one) => Reflect.get(Object(one), "status")))).toEqual(new Set([502]));
    expect(proxy.held).toHaveLength(2);
  });

  it.each<[string, (held: Held) => void]>([
    ["comes in chunks", ({ response }) => void response.writeHead(200).end("the manifest")],
    ["is long", (held) => answer(held, "x".repeat(300_000))],
    ["calls itself private", (held) => answer(held, "the manifest", { "Cache-Control": "private" })],
    ["sets a cookie", (held) => answer(held, "the manifest", { "Set-Cookie": "a=b" })],
    ["is elsewhere", ({ response }) => void response.writeHead(307, { Location: "/elsewhere" }).end()],
  ])("is asked for by each if it %s", async (_, reply) => {
    await using sides = await startHeld();
    const { proxy, router } = sides;
    const first = fetchRaw(router.url, tag);
    await proxy.has(1);
    const [second] = await inFlight(router.url, () => fetchRaw(router.url, tag), 2);
    reply(proxy.held[0] as Held);
    await proxy.has(3);
    proxy.held.slice(1).forEach(reply);

    const [one, other] = await within(5_000, "both answers", Promise.all([first, second]));
    expect(other).toMatchObject({ status: Reflect.get(Object(one), "status") });
    expect(Reflect.get(Object(other), "body")).toEqual(Reflect.get(Object(one), "body"));
  });

  it("that breaks off is a failure of who sent it, and the next one is asked", async () => {
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

describe("a tag that is pushed while somebody is asking for it", () => {
  const oldOne = JSON.stringify({ schemaVersion: 2, annotations: { is: "old" } });
  const newOne = JSON.stringify({ schemaVersion: 2, annotations: { is: "new" } });

  it("is what was pushed for everybody who asks afterwards", async () => {
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

  it("is asked for anew by those who come after a push whose end nobody knows", async () => {
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
