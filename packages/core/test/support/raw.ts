import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { listen } from "./router.ts";
import { within } from "./within.ts";

/** An upstream that notes what it is asked, and keeps every connection for the next request. */
export interface Recorder extends AsyncDisposable {
  readonly url: string;
  /** How many connections there have been. */
  readonly connections: number;
  /** `GET /v2/...` since the last `take`, and the body, if there is one. */
  take(): string[];
}

const honest = "/v2/honest/manifests/1";

export const honestManifest = '{"schemaVersion":2,"honest":true}';

/** The one manifest that a recorder knows. */
export const honestRequest = `GET ${honest} HTTP/1.1\r\nHost: r.example\r\n\r\n`;

/** Starts an upstream that knows `honest:1`, and nothing else. */
export async function startRecorder(): Promise<Recorder> {
  let seen: string[] = [];
  let connections = 0;
  const server: Server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    let body = "";
    request.setEncoding("latin1").on("data", (data: string) => {
      body += data;
    });
    request.on("close", () => {
      const line = `${request.method} ${request.url}`;
      seen.push((body === "" ? line : `${line} ${body}`) + (request.complete ? "" : "... and no more"));
      const known = request.url === honest;
      const answer = known ? honestManifest : '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}';
      response.writeHead(known ? 200 : 404, [
        ["Content-Type", "application/json"],
        ["Content-Length", String(answer.length)],
      ]);
      response.end(answer);
    });
  });
  server.on("connection", () => {
    connections += 1;
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
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

/**
 * Sends bytes as they are. Once so many answers are there, and if the connection stays, asks for what is known over the same
 * connection: the last status is of that answer, unless bytes were taken for something else.
 */
export function sendRaw(port: number, bytes: string, answers: number): Promise<RawAnswer> {
  const done = new Promise<RawAnswer>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let asked = false;
    const finish = (closed: boolean) => {
      resolve({ statuses: statusesIn(text), closed, text });
      socket.destroy();
    };
    socket.setEncoding("latin1").on("data", (data: string) => {
      text += data;
      if (/^connection: close\r$/im.test(text)) {
        return;
      }
      if (!asked && statusesIn(text).length >= answers) {
        asked = true;
        socket.write(honestRequest);
      } else if (asked && text.endsWith(honestManifest)) {
        finish(false);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", () => finish(true));
    socket.write(Buffer.from(bytes, "latin1"));
  });
  return within(4_000, `${answers} answers, and one more or the connection's end`, done);
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
}
