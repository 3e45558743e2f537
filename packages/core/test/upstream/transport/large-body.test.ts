import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "@jest/globals";
import { ReadBuffers } from "../../../src/upstream/transport/buffers.ts";
import { LargeBody, SocketReader } from "../../../src/upstream/transport/large-body.ts";
import { listen } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const mebibyte = 1024 * 1024;

describe.each([
  ["plain", false],
  ["TLS", true],
])("a large body over %s", (_, secure) => {
  it("is whole if it is taken over when the parser is paused and the socket holds bytes", async () => {
    const bytes = randomBytes(8 * mebibyte);
    const answer = (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { "Content-Length": bytes.length });
      response.end(bytes);
    };
    const credentials = { cert: fixture("test-only.cert.pem"), key: fixture("test-only.key.pem") };
    const server = secure ? createSecureServer(credentials, answer) : createServer(answer);
    const port = await listen(server);
    const agent = SocketReader.addTo(
      secure ? new HttpsAgent({ rejectUnauthorized: false }) : new HttpAgent(),
    );
    const request = secure ? httpsRequest : httpRequest;
    try {
      const message = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ host: "127.0.0.1", port, agent }, resolve).on("error", reject).end();
      });
      await until(5_000, "bytes in the socket", () => message.socket.readableLength > 0);
      const reader = SocketReader.of(message);
      if (reader === undefined) {
        throw new Error("the socket is not read");
      }

      const body = new LargeBody(message, bytes.length, reader, new ReadBuffers(mebibyte));

      expect((await within(10_000, "the body", buffer(body))).equals(bytes)).toBe(true);
    } finally {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }, 30_000);
});
