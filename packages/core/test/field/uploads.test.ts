import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { digestOf } from "../support/push.ts";
import { listen, startRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";

// Uploads as the specification's main branch has them, and as registries of any make answer them.

async function startHosted(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      heard.push(`${request.method} ${request.url}`);
      answer(request, response);
    });
  });
  const proxy = await startRegistry();
  const router = await startRouter({ hosted: `http://127.0.0.1:${await listen(server)}`, proxy: proxy.url });
  return {
    heard,
    router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await proxy.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

const session = "/v2/team/app/blobs/uploads/1-2-3";

describe("an upload", () => {
  it.each(["", "?mount=x", "?digest-algorithm=sha512"])(
    "begun without the last slash is redirected: %s",
    async (search) => {
      await using sides = await startSides();

      const answer = await fetchRaw(sides.router.url, `/v2/team/app/blobs/uploads${search}`, {
        method: "POST",
      });

      expect([answer.status, answer.headers.location]).toEqual([301, `/v2/team/app/blobs/uploads/${search}`]);
      expect(sides.hosted.requests).toEqual([]);
    },
  );

  it("names its algorithm to hosted", async () => {
    await using sides = await startHosted((_, response) => {
      response.writeHead(202, { Location: session }).end();
    });

    await fetchRaw(sides.router.url, "/v2/team/app/blobs/uploads/?digest-algorithm=sha512", {
      method: "POST",
    });

    expect(sides.heard).toEqual(["POST /v2/team/app/blobs/uploads/?digest-algorithm=sha512"]);
  });

  it.each([
    ["DELETE", 204],
    ["GET", 204],
    ["PATCH", 416],
    ["PUT", 416],
    ["PUT", 413],
    ["PATCH", 308],
  ] as const)("%s that hosted answers with %i is answered so, with its headers", async (method, status) => {
    await using sides = await startHosted((_, response) => {
      response.writeHead(status, { Location: session, Range: "0-4", "Content-Length": 0 }).end();
    });

    const answer = await fetchRaw(sides.router.url, session, {
      method,
      ...(method.startsWith("P") && { body: "bytes", headers: { "Content-Length": 5 } }),
    });

    expect([answer.status, answer.headers.range, answer.headers.location]).toEqual([status, "0-4", session]);
    expect(sides.heard).toEqual([`${method} ${session}`]);
  });

  it.each([
    `mount=${digestOf("x")}&from=secret/app&from=other`,
    `mount=${digestOf("x")}&from=../secret`,
    "mount=sha256:short&from=secret/app",
  ])("with a mount that is not clear begins without one: %s", async (query) => {
    await using sides = await startSides();

    const { status } = await fetchRaw(sides.router.url, `/v2/team/app/blobs/uploads/?${query}`, {
      method: "POST",
    });

    expect(status).toBe(202);
    expect(sides.hosted.requests.map(({ url }) => url)).toEqual(["/v2/team/app/blobs/uploads/"]);
  });
});

describe("a name that is too long", () => {
  it("is refused with the limit", async () => {
    await using sides = await startSides();

    const { status, body } = await fetchRaw(sides.router.url, `/v2/${"a".repeat(300)}/tags/list`);

    expect(status).toBe(400);
    expect(body.toString()).toContain("has 300 characters, and may have 255");
  });
});
