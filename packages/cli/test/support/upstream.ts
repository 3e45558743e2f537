import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";

/** A registry of which a test needs little: it answers `/v2/`, and the rest as the test says. */
export interface Upstream extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly string[];
}

export async function startUpstream(answer: RequestListener = notFound): Promise<Upstream> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`);
    if (request.url === "/v2/") {
      response.end("{}");
    } else {
      answer(request, response);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("no address");
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const notFound: RequestListener = (_, response) => {
  response.statusCode = 404;
  response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
};
