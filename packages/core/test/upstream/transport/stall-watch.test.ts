import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { describe, expect, it } from "@jest/globals";
import { taken } from "../../../src/upstream/transport/stall-watch.ts";
import { listen } from "../../support/router.ts";
import { until } from "../../support/within.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const mebibyte = 1024 * 1024;
// More than both kernels' buffers hold.
const size = 64 * mebibyte;

describe.each([
  ["plain", false],
  ["TLS", true],
])("the bytes taken over %s", (_, secure) => {
  it("grow during one write", async () => {
    let sender: Socket | undefined;
    let ended = false;
    const send = (socket: Socket) => {
      sender = socket.on("error", () => undefined);
      socket.write(Buffer.alloc(size), () => {
        ended = true;
      });
    };
    const credentials = { cert: fixture("test-only.cert.pem"), key: fixture("test-only.key.pem") };
    const server = secure ? createTlsServer(credentials, send) : createServer(send);
    const port = await listen(server);
    const client = secure
      ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
      : connect(port, "127.0.0.1");
    const now = () => taken(sender ?? null);
    try {
      await until(10_000, "the write", () => sender !== undefined);
      const before = now();

      let received = 0;
      client.on("data", ({ length }) => {
        received += length;
        if (received >= size / 2) {
          client.pause();
        }
      });

      await until(10_000, "progress", () => now() > before);
      expect(ended).toBe(false);
    } finally {
      client.destroy();
      sender?.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }, 30_000);
});
