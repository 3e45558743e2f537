import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { RegistryError } from "./protocol/errors.ts";

// The first is OpenSSL's for GET, HEAD, POST and PUT, the second for any other text in place of a handshake.
const noHandshake: ReadonlySet<string> = new Set(["ERR_SSL_HTTP_REQUEST", "ERR_SSL_WRONG_VERSION_NUMBER"]);

const body = new RegistryError("BAD_REQUEST", {
  message: "the request is plain HTTP, and this port speaks HTTPS: use an address that begins with https://",
}).body();

const answer = [
  "HTTP/1.1 400 Bad Request",
  "Content-Type: application/json",
  "Docker-Distribution-Api-Version: registry/2.0",
  `Content-Length: ${Buffer.byteLength(body)}`,
  "Connection: close",
  "",
  body,
].join("\r\n");

/**
 * Answers plain HTTP on the port of an HTTPS server with 400 and a sentence, as Go's server does. Without this, Node closes the
 * connection, and clients say `EOF`. Connections that speak TLS are not touched.
 * @param server before it listens
 * @example
 * ```ts
 * const server = https.createServer({ ...serverOptions, cert, key }, createCombinedRegistryHandler(config));
 * answerPlainHttp(server);
 * server.listen(443);
 * ```
 */
export function answerPlainHttp(server: Server): void {
  // When a handshake fails, Node tells of the TLS socket, which can no longer be written to, and not of the connection below.
  const shaking = new Map<string, Socket>();
  server.on("connection", (connection: Socket) => {
    const ends = endsOf(connection);
    shaking.set(ends, connection);
    connection.once("close", () => {
      if (shaking.get(ends) === connection) {
        shaking.delete(ends);
      }
    });
  });
  server.on("secureConnection", (socket) => shaking.delete(endsOf(socket)));
  server.on("tlsClientError", ({ code }: NodeJS.ErrnoException, socket) => {
    if (noHandshake.has(code ?? "")) {
      // Node closes the connection in the next turn. The system has taken the few bytes by then.
      shaking.get(endsOf(socket))?.end(answer);
    }
  });
}

/** No two open connections of one port have the same. */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket | TLSSocket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
