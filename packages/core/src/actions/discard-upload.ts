import type { IncomingMessage } from "node:http";

const longestWait = 10_000;

/**
 * After an answer that came before the end of a request's body: reads the rest away for a while. To close at once
 * would reset the connection, and the client would lose the answer that tells it why.
 */
export function discardUpload(request: IncomingMessage): void {
  if (!isUploading(request)) {
    return;
  }
  request.unpipe();
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), longestWait);
  request.once("end", () => clearTimeout(timer));
  request.once("close", () => clearTimeout(timer));
}

function isUploading({ complete, destroyed, headers }: IncomingMessage): boolean {
  const sendsBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return sendsBody && !complete && !destroyed;
}
