import { createServer } from "node:http";
import { listen } from "../support/router.ts";

/** A request as an upstream saw it. */
export interface Seen {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Of the client's request that it came from. */
  readonly id: string;
}

/** An upstream that knows nothing and notes everything. */
export async function listenRecording() {
  let seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const [path = ""] = url.split("?");
    seen.push({ method, path, id: String(headers["user-agent"]) });
    response.writeHead(path === "/v2/" ? 200 : 404, { "Content-Type": "application/json" });
    response.end(path === "/v2/" ? "{}" : '{"errors":[{"code":"UPSTREAM_SAID","message":"no"}]}');
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    take(): readonly Seen[] {
      const taken = seen;
      seen = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
