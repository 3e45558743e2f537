import { createServer, type Socket } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { cases } from "../support/cases.ts";
import { fetchRaw } from "../support/client.ts";
import { listen, startRouter } from "../support/router.ts";

// A registry may answer an upload before its end, and close the connection: the answer must not be lost in a race with that.

const answer =
  "HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

type End = (socket: Socket) => void;

/** A registry that answers 413 once so many bytes have come, and then ends the connection in some way. */
async function startRefusing(after: number, end: End) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let bytes = 0;
    let isAnswered = false;
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => {
      bytes += data.length;
      if (!isAnswered && bytes > after) {
        isAnswered = true;
        socket.write(answer, () => end(socket));
      }
    });
  });
  const port = await listen(server);
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

const upload = Buffer.alloc(3 * 1024 * 1024, "x");
const path = "/v2/team/app/blobs/uploads/1-2-3";

async function countOf(after: number, end: End, headers: Record<string, string | number>, method: string) {
  await using hosted = await startRefusing(after, end);
  await using proxy = await startRegistry();
  await using router = await startRouter({ hosted: { url: hosted.url, breaker: false }, proxy: proxy.url });
  const counts: Record<number, number> = {};
  for (let round = 0; round < cases(200); round++) {
    const { status } = await fetchRaw(router.url, path, { method, body: upload, headers });
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

describe("an early answer to an upload", () => {
  const ends: Record<string, End> = {
    "ends the connection": (socket) => socket.end(),
    "closes it with the rest of the upload unread": (socket) => socket.destroy(),
    "resets it": (socket) => socket.resetAndDestroy(),
  };
  interface Row {
    readonly how: string;
    readonly method: string;
    readonly framing: string;
  }
  const rows: Row[] = Object.keys(ends).flatMap((how) => [
    { how, method: "PATCH", framing: "with a length" },
    { how, method: "PATCH", framing: "in chunks" },
    { how, method: "PUT", framing: "with a length" },
  ]);

  it.each(rows)(
    "of a registry that $how reaches the client: $method $framing",
    async ({ how, method, framing }) => {
      const headers: Record<string, string | number> =
        framing === "in chunks" ? { "Transfer-Encoding": "chunked" } : { "Content-Length": upload.length };
      const end = ends[how] ?? ((socket: Socket) => socket.end());

      for (const after of [0, 100_000, 1_000_000]) {
        expect([after, await countOf(after, end, headers, method)]).toEqual([after, { 413: cases(200) }]);
      }
    },
    120_000,
  );
});
