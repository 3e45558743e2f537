import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { listen } from "./router.ts";
import { within } from "./within.ts";

/** An upstream that notes what it is asked, and who keeps a connection for the next request. */
export interface Recorder extends AsyncDisposable {
  readonly url: string;
  /** `GET /v2/...` since the last `take`. */
  take(): string[];
}

/** Knows the manifest `honest:1`, and nothing else. */
export async function startRecorder(): Promise<Recorder> {
  let seen: string[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => {
      const known = request.url === "/v2/honest/manifests/1";
      response.writeHead(known ? 200 : 404, { "Content-Type": "application/json" });
      response.end(known ? '"honest"' : '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    take() {
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

/** What came back over a connection on which bytes were sent. */
export interface RawAnswer {
  /** Of every answer, informational ones included. */
  readonly statuses: readonly number[];
  readonly closed: boolean;
  readonly text: string;
}

/** Sends bytes as they are, and reads until the other end closes or has given so many answers. */
export function sendRaw(port: number, bytes: string | Buffer, answers: number): Promise<RawAnswer> {
  const done = new Promise<RawAnswer>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    const finish = (closed: boolean) => {
      resolve({ statuses: statusesIn(text), closed, text });
      socket.destroy();
    };
    socket.on("data", (data) => {
      text += data.toString("latin1");
      // An answer that closes its connection is waited for to do so.
      if (statusesIn(text).length >= answers && !/^connection: close\r$/im.test(text)) {
        finish(false);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", () => finish(true));
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
  return within(10_000, `${answers} answers or the connection's end`, done);
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
}
