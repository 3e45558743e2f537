import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get, type IncomingMessage, type RequestListener } from "node:http";
import { get as getTls } from "node:https";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { type Limits, listen, type RunningServer, type TlsMaterial } from "../src/server.ts";
import { fixture } from "./support/fixture.ts";
import { within } from "./support/within.ts";

type Running = RunningServer & AsyncDisposable;

async function start(listener: RequestListener, tls?: TlsMaterial): Promise<Running> {
  const server = await listen(listener, { host: "127.0.0.1", port: 0, tls });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  };
}

async function startWith(limits: Partial<Limits>): Promise<Running> {
  const server = await listen((_, response) => response.end("hello"), {
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    ...limits,
  });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  };
}

async function open(port: number): Promise<Socket & AsyncDisposable> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return Object.assign(socket, {
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  });
}

async function responseTo(url: string): Promise<IncomingMessage> {
  const [response] = await within(once(get(url), "response"), "an answer");
  return response;
}

const testTls = async () => ({
  cert: await readFile(fixture("test-only.cert.pem"), "utf8"),
  key: await readFile(fixture("test-only.key.pem"), "utf8"),
});

describe("listening", () => {
  test("the real port is known when the system chose it", async () => {
    await using server = await start((_, response) => response.end("hello"));
    expect(server.address.port).toBeGreaterThan(0);
    expect(server.url).toBe(`http://127.0.0.1:${server.address.port}`);
    expect(await text(await responseTo(server.url))).toBe("hello");
  });

  test("HTTPS is served with a certificate", async () => {
    const tls = await testTls();
    await using server = await start((_, response) => response.end("hello"), tls);
    expect(server.url).toMatch(/^https:/);
    const [response] = await within(once(getTls(server.url, { ca: tls.cert }), "response"), "an answer");
    expect(await text(response)).toBe("hello");
  });

  test("a port in use is one sentence and code 1", async () => {
    await using server = await start((_, response) => response.end());
    const { port } = server.address;
    await expect(listen(() => {}, { host: "127.0.0.1", port, tls: undefined })).rejects.toMatchObject({
      exitCode: 1,
      message: `cannot listen on 127.0.0.1:${port}: the port is in use by another program (--port chooses another)`,
    });
  });

  test("an address of another machine is one sentence and code 1", async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737): nobody has it.
    await expect(listen(() => {}, { host: "192.0.2.1", port: 0, tls: undefined })).rejects.toMatchObject({
      exitCode: 1,
      message: "cannot listen on 192.0.2.1:0: this machine has no such address",
    });
  });

  test("TLS on the plain port is answered with a plain 400, by which Go clients fall back to http", async () => {
    await using server = await start((_, response) => response.end());
    await using socket = await open(server.address.port);
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    expect(await within(text(socket), "an answer to TLS")).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test.each([
    "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "DELETE /v2/a/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "PATCH /v2/a/blobs/uploads/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
  ])("plain HTTP on the TLS port is answered with 400 and a sentence: %j", async (request) => {
    const tls = await testTls();
    await using server = await start((_, response) => response.end("hello"), tls);
    await using socket = await open(server.address.port);
    socket.write(request);
    const [head = "", body = ""] = (await within(text(socket), "an answer to plain HTTP")).split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(head).toMatch(/^Connection: close$/im);
    expect(JSON.parse(body)).toMatchObject({
      errors: [{ code: "BAD_REQUEST", message: expect.stringContaining("plain HTTP") }],
    });
    // Others are served as before.
    const [response] = await within(once(getTls(server.url, { ca: tls.cert }), "response"), "an answer");
    expect(await text(response)).toBe("hello");
  });

  test("a header of 60 KiB is accepted", async () => {
    await using server = await start((request, response) =>
      response.end(String(request.headers.authorization?.length)),
    );
    const authorization = "x".repeat(60 * 1024);
    const [response] = await within(
      once(get(server.url, { headers: { authorization } }), "response"),
      "an answer",
    );
    expect(await text(response)).toBe(String(60 * 1024));
  });
});

describe("stopping", () => {
  test("closes a connection that has sent nothing, and one that idles after an answer", async () => {
    const server = await start((_, response) => response.end("hello"));
    await using silent = await open(server.address.port);
    await using idle = await open(server.address.port);
    idle.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await within(once(idle, "data"), "an answer");
    const closed = Promise.all([text(silent), once(idle, "close")]);
    await within(server.stop(), "the server to stop");
    await within(closed, "the connections to close");
  });

  test("waits for an answer under way, then closes its connection although the client would keep it", async () => {
    const underWay: (() => void)[] = [];
    const server = await start((_, response) => {
      response.write("one ");
      underWay.push(() => response.end("two"));
    });
    const response = await responseTo(server.url);
    const stopped = server.stop();
    await expect(within(responseTo(server.url), "a refusal")).rejects.toThrow("ECONNREFUSED");
    underWay[0]?.();
    expect(await within(text(response), "the rest of the answer")).toBe("one two");
    await within(stopped, "the server to stop");
  });

  // Node's own http close() destroys a connection as soon as its answer has ended, sent or not.
  test("does not cut an answer that has ended but has yet to leave", async () => {
    const size = 32 * 1024 * 1024;
    const server = await start((_, response) => {
      response.setHeader("Content-Length", size);
      response.end(Buffer.alloc(size));
    });
    const response = await responseTo(server.url);
    const stopped = server.stop();
    let received = 0;
    for await (const chunk of response) {
      received += chunk.length;
    }
    expect(received).toBe(size);
    await within(stopped, "the server to stop");
  });

  test("goes on accepting for a while first, where that is wanted", async () => {
    const server = await start((_, response) => response.end("hello"));
    const stopped = server.stop({ delay: 300 });
    expect(await text(await responseTo(server.url))).toBe("hello");
    expect(await within(stopped, "the server to stop")).toBe(0);
    await expect(within(responseTo(server.url), "a refusal")).rejects.toThrow(/ECONNREFUSED|hang up/);
  });

  test("cuts off what is not finished in time, and tells how much", async () => {
    const server = await start((_, response) => response.write("one "));
    const bodies = [await responseTo(server.url), await responseTo(server.url)].map((response) =>
      text(response),
    );
    const broken = Promise.all(bodies.map((body) => expect(body).rejects.toThrow("aborted")));
    expect(await within(server.stop({ timeout: 50 }), "the server to stop")).toBe(2);
    await broken;
  });

  test("closes TLS connections that idle", async () => {
    const tls = await testTls();
    const server = await start((_, response) => response.end("hello"), tls);
    const request = getTls(server.url, { ca: tls.cert });
    const [response] = await within(once(request, "response"), "an answer");
    await text(response);
    await within(server.stop(), "the server to stop");
  });
});

describe("limits", () => {
  test("connections beyond the limit are closed at once, and that is said once", async () => {
    const warnings: object[] = [];
    const log = { warn: (fields: object) => void warnings.push(fields) };
    const server = await listen((_, response) => response.end("hello"), {
      host: "127.0.0.1",
      port: 0,
      tls: undefined,
      maxConnections: 2,
      log,
    });
    {
      await using first = await open(server.address.port);
      await using second = await open(server.address.port);
      await using third = await open(server.address.port);
      await using fourth = await open(server.address.port);
      expect(await within(Promise.all([text(third), text(fourth)]), "the connections to close")).toEqual([
        "",
        "",
      ]);
      expect([first.destroyed, second.destroyed]).toEqual([false, false]);
    }
    expect(warnings).toEqual([{ dropped: 1, maxConnections: 2 }]);
    await server.stop();
  });

  test.each([
    ["sends nothing", ""],
    ["sends headers without an end", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "],
  ])(
    "a client that %s is cut off after the time for headers",
    async (_, sent) => {
      await using server = await startWith({ headersTimeout: 100 });
      await using socket = await open(server.address.port);
      socket.write(sent);
      const answer = await within(text(socket), "the connection to close");
      expect(answer).toMatch(sent === "" ? /^(HTTP\/1\.1 408 .*)?$/s : /^HTTP\/1\.1 408 /);
    },
    15_000,
  );

  test("they change while it serves", async () => {
    await using server = await startWith({ maxConnections: 1 });
    await using first = await open(server.address.port);
    await using second = await open(server.address.port);
    await within(text(second), "the second connection to close");
    server.use({ maxConnections: 10, headersTimeout: 30_000, tls: undefined });
    await using third = await open(server.address.port);
    third.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(await within(text(third), "an answer")).toMatch(/^HTTP\/1\.1 200 /);
    expect(first.destroyed).toBe(false);
  });
});
