import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { listen, startRouter } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

const manifestOf = (text: string) => JSON.stringify({ schemaVersion: 2, text });

/** An upstream that answers `slow` repositories when it is let, and all others at once. */
async function startGate() {
  const held: ServerResponse[] = [];
  const seen: string[] = [];
  const answer = (response: ServerResponse, text: string) => {
    const manifest = manifestOf(text);
    response.setHeader("Content-Length", manifest.length);
    response.end(manifest);
  };
  const server = createServer((request: IncomingMessage, response) => {
    let body = "";
    request.setEncoding("latin1").on("data", (data: string) => {
      body += data;
    });
    request.on("end", () => {
      seen.push(`${request.method} ${request.url}${body === "" ? "" : ` ${body}`}`);
      if (request.url?.startsWith("/v2/slow/")) {
        held.push(response);
      } else {
        answer(response, `answer to ${request.url}`);
      }
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    release: () => held.splice(0).map((response) => answer(response, "slow one")),
    connections: () =>
      new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count ?? 0))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const get = (path: string) => `GET /v2/${path} HTTP/1.1\r\nHost: r.example\r\n\r\n`;
const put = (path: string, body: string) =>
  `PUT /v2/${path} HTTP/1.1\r\nHost: r.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const slow = get("slow/manifests/1");
const live = "GET /livez HTTP/1.1\r\nHost: r.example\r\n\r\n";
const quick = get("quick/manifests/1");

/** Sends bytes in one piece, and gathers what comes back. */
function send(port: number, bytes: string): { socket: Socket; text: () => string } {
  let text = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
  socket.setEncoding("latin1").on("data", (data: string) => {
    text += data;
  });
  socket.on("error", () => undefined);
  return { socket, text: () => text };
}

describe("a pipelined request", () => {
  it("is never started if its connection closes first, and close() does not wait for it", async () => {
    await using gate = await startGate();
    await using next = await startRegistry();
    const logged: object[] = [];
    const log = () => undefined;
    const logger = { debug: log, warn: log, error: log, info: (fields: object) => logged.push(fields) };
    await using router = await startRouter({ hosted: gate.url, proxy: gate.url, logger });
    const { socket } = send(router.port, slow + quick + quick);
    await until(5_000, "the first to reach the upstream", () => gate.seen.length === 1);

    socket.resetAndDestroy();
    await until(5_000, "the first to be accounted for", () => logged.length === 1);
    router.handler.reload({ hosted: next.url, proxy: next.url, logger });

    await until(
      5_000,
      "the old upstream's connections to close",
      async () => (await gate.connections()) === 0,
    );
    await within(5_000, "close", router.handler.close());
    expect(gate.seen).toEqual(["GET /v2/slow/manifests/1"]);
    expect(logged).toHaveLength(1);
  });

  it("is answered in the order sent, with its body", async () => {
    await using gate = await startGate();
    await using router = await startRouter({
      hosted: gate.url,
      proxy: gate.url,
      rules: [{ match: "**", shadow: "allow" }],
    });
    const body = "b".repeat(100_000);
    const bytes =
      slow + put("a/manifests/1", "small") + quick + put("b/manifests/1", body) + get("end/manifests/1");
    const { socket, text } = send(router.port, bytes);
    await until(5_000, "the first to reach the upstream", () => gate.seen.length === 1);

    gate.release();

    await until(5_000, "the last answer", () => text().endsWith(manifestOf("answer to /v2/end/manifests/1")));
    expect(text().match(/slow one|answer to \/v2\/\w+\/manifests\/1/g)).toEqual([
      "slow one",
      "answer to /v2/a/manifests/1",
      "answer to /v2/quick/manifests/1",
      "answer to /v2/b/manifests/1",
      "answer to /v2/end/manifests/1",
    ]);
    expect(gate.seen).toEqual([
      "GET /v2/slow/manifests/1",
      "PUT /v2/a/manifests/1 small",
      "GET /v2/quick/manifests/1",
      `PUT /v2/b/manifests/1 ${body}`,
      "GET /v2/end/manifests/1",
    ]);
    socket.destroy();
  });

  it("may wait for longer than the client's idle timeout", async () => {
    await using gate = await startGate();
    const clientIdle = 40;
    await using router = await startRouter({ hosted: gate.url, proxy: gate.url, limits: { clientIdle } });
    const { socket, text } = send(router.port, slow + live);
    await until(5_000, "the first to reach the upstream", () => gate.seen.length === 1);
    const begun = performance.now();
    await until(5_000, "ten times that to pass", () => performance.now() - begun > 10 * clientIdle);

    gate.release();

    await until(5_000, "the second answer", () => text().endsWith('{"status":"ok"}'));
    socket.destroy();
  });

  it("is served before close() resolves if it has been started", async () => {
    await using gate = await startGate();
    await using router = await startRouter({ hosted: gate.url, proxy: gate.url });
    const { socket, text } = send(router.port, get("slow/manifests/1") + get("slow/manifests/2"));
    await until(5_000, "the first to reach the upstream", () => gate.seen.length === 1);
    gate.release();
    await until(5_000, "the second to reach the upstream", () => gate.seen.length === 2);

    const closed = router.handler.close();
    gate.release();
    await within(5_000, "close", closed);

    await until(5_000, "both answers", () => text().match(/slow one/g)?.length === 2);
    expect(text().match(/^connection: close\r$/gim)).toHaveLength(1);
    socket.destroy();
  });

  it("is served with the configuration of the time when it is started", async () => {
    await using gate = await startGate();
    await using next = await startGate();
    await using router = await startRouter({ hosted: gate.url, proxy: gate.url });
    const { socket, text } = send(router.port, slow + quick);
    await until(5_000, "the first to reach the upstream", () => gate.seen.length === 1);

    router.handler.reload({ hosted: next.url, proxy: next.url });
    gate.release();

    await until(5_000, "the second answer", () =>
      text().endsWith(manifestOf("answer to /v2/quick/manifests/1")),
    );
    expect([gate.seen.length, next.seen]).toEqual([1, ["GET /v2/quick/manifests/1"]]);
    socket.destroy();
  });

  it("is answered in order by the router itself, once", async () => {
    await using gate = await startGate();
    let finished = 0;
    await using router = await startRouter({ hosted: gate.url, proxy: gate.url }, (handler) => {
      return (request, response) => {
        response.on("prefinish", () => {
          finished += 1;
        });
        handler(request, response);
      };
    });
    const { socket, text } = send(router.port, slow + live.repeat(200) + quick);
    await until(5_000, "the first to reach the upstream", () => gate.seen.length === 1);

    gate.release();

    await until(5_000, "the last answer", () =>
      text().endsWith(manifestOf("answer to /v2/quick/manifests/1")),
    );
    expect([text().match(/HTTP\/1\.1 200/g)?.length, finished]).toEqual([202, 202]);
    socket.destroy();
  });

  it("closes its connection if very many are waiting already", async () => {
    await using gate = await startGate();
    await using router = await startRouter({ hosted: gate.url, proxy: gate.url });
    const { socket } = send(router.port, slow + quick.repeat(2_000));

    await until(5_000, "the connection to be cut off", () => socket.closed);
    await within(5_000, "close", router.handler.close());
    expect(gate.seen.filter((line) => line.includes("quick"))).toEqual([]);
  });
});
