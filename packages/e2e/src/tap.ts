import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";

/** A request as an upstream saw it. */
export interface Seen {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
}

/** Stands before an upstream or the router, changes nothing, and notes what is asked of it. */
export interface Tap extends AsyncDisposable {
  readonly origin: string;
  /** Everything that has been asked. */
  readonly seen: readonly Seen[];
  /** What has been asked since the last `take`. */
  take(): Seen[];
  /** Bytes of bodies that have been sent to it. */
  readonly uploaded: number;
  /** Milliseconds that requests wait before they are passed on. @default 0 */
  delay: number;
}

/** Puts a tap before the registry at `origin`. */
export async function startTap(origin: string): Promise<Tap> {
  const upstream = new URL(origin);
  const seen: Seen[] = [];
  let taken = 0;
  let uploaded = 0;
  const server = createServer((request, response) => {
    const { method = "", url = "", rawHeaders } = request;
    seen.push({ method, target: url, rawHeaders });
    request.on("data", (piece: Buffer) => {
      uploaded += piece.length;
    });
    if (tap.delay > 0) {
      setTimeout(() => passOn(upstream, request, response), tap.delay);
    } else {
      passOn(upstream, request, response);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the tap has no port");
  }
  const tap: Tap = {
    origin: `http://127.0.0.1:${address.port}`,
    seen,
    delay: 0,
    take() {
      const fresh = seen.slice(taken);
      taken = seen.length;
      return fresh;
    },
    get uploaded() {
      return uploaded;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return tap;
}

function passOn(upstream: URL, request: IncomingMessage, response: ServerResponse): void {
  const { hostname, port } = upstream;
  const onward = httpRequest(
    { hostname, port, method: request.method, path: request.url, headers: request.rawHeaders, agent: false },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      pipeline(answer, response, () => undefined);
    },
  );
  pipeline(request, onward, (error) => {
    if (error) {
      response.destroy();
    }
  });
  onward.once("error", () => response.destroy());
}
