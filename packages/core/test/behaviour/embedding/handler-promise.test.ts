import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until, within } from "../../support/within.ts";

const config = { hosted: "http://127.0.0.1:1", proxy: "http://127.0.0.1:1" };

it("resolves when the response has closed, and not before", async () => {
  await using hosted = await startRegistry();
  await using proxy = await startRegistry();
  const order: string[] = [];
  await using router = await startRouter(
    { hosted: hosted.url, proxy: proxy.url, onDecision: ({ status }) => order.push(`record ${status}`) },
    (handler) => async (request, response) => {
      response.once("close", () => order.push("closed"));
      await handler(request, response);
      order.push("resolved");
    },
  );

  await fetchRaw(router.url, "/v2/team/app/tags/list");
  await until(5_000, "the promise", () => order.includes("resolved"));

  expect([...order].sort()).toEqual(["closed", "record 404", "resolved"]);
  expect(order.at(-1)).toBe("resolved");
});

it("resolves when the client leaves before the response", async () => {
  await using sides = await startSides();
  sides.hosted.fault({ path: /tags/, hang: true });
  sides.proxy.fault({ path: /tags/, hang: true });
  let served: Promise<void> | undefined;
  const server = createServer((request, response) => {
    served = sides.router.handler(request, response);
  });
  const port = await listen(server);
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /v2/team/app/tags/list HTTP/1.1\r\nHost: r.example\r\n\r\n");
  await until(5_000, "the upstream to be asked", () => sides.hosted.requests.length > 0);

  socket.destroy();
  await within(5_000, "the promise of a client that left", served ?? Promise.reject(new Error("not served")));
  server.close();
});

it("resolves for pipelined requests that were never started", async () => {
  await using sides = await startSides();
  sides.hosted.fault({ path: /tags/, hang: true });
  const served: Promise<void>[] = [];
  const server = createServer((request, response) => {
    served.push(sides.router.handler(request, response));
  });
  const port = await listen(server);
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /v2/team/app/tags/list HTTP/1.1\r\nHost: r.example\r\n\r\n".repeat(3));
  await until(5_000, "three requests", () => served.length === 3);

  socket.destroy();
  await within(5_000, "all three promises", Promise.all(served));
  server.close();
});

it("resolves after next for requests that are not the router's, and throws synchronously what next throws", async () => {
  await using handler = createCombinedRegistryHandler({ ...config, operations: "off" });
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    await handler(request, response, () => calls.push("next"));
    calls.push("resolved");
    expect(() =>
      handler(request, response, () => {
        throw new Error("of the application");
      }),
    ).toThrow("of the application");
    response.end();
  });
  const port = await listen(server);

  const [answer]: IncomingMessage[] = await once(get(`http://127.0.0.1:${port}/other`), "response");
  answer?.resume();

  expect(answer?.statusCode).toBe(200);
  expect(calls).toEqual(["next", "resolved"]);
  server.closeAllConnections();
  server.close();
});

it("closes with `await using`", async () => {
  const handler = createCombinedRegistryHandler(config);
  {
    await using _disposed = handler;
  }

  await expect(within(1_000, "a second close", handler.close())).resolves.toBeUndefined();
});

it("explain rejects with the signal's reason when its signal is aborted", async () => {
  await using sides = await startSides();
  sides.proxy.fault({ path: /manifests/, hang: true });
  const reason = new Error("no longer needed");
  const giving = new AbortController();

  const explained = sides.router.handler.explain("library/nginx", { signal: giving.signal });
  await until(5_000, "the proxy to be asked", () => sides.proxy.requests.length > 0);
  giving.abort(reason);

  await expect(within(5_000, "the explanation", explained)).rejects.toBe(reason);
  await expect(sides.router.handler.explain("library/nginx", { signal: giving.signal })).rejects.toBe(reason);
});
