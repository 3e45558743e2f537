import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { errorCode } from "../../errors.ts";

type Done = (error?: Error | null) => void;

// Milliseconds. What a registry sent before it closed the connection is here already.
const longest = 200;

/**
 * Reads what a registry has sent before a write to it fails. A registry that answers an upload before its end (413, 401) and closes the
 * connection makes the next write fail. Node drops what a socket receives once a write has failed, so the failure is held back until the
 * answer is read.
 */
export function lingerAfterFailedWrites(request: ClientRequest): void {
  if (request.socket === null) {
    request.once("socket", (socket) => holdFailures(request, socket));
  } else {
    holdFailures(request, request.socket);
  }
}

function holdFailures(request: ClientRequest, socket: Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const held = (done: Done) => (error?: Error | null) => {
    if (isFailedWrite(error)) {
      whenRead(request, socket, () => done(error));
    } else {
      done(error);
    }
  };
  socket._write = (chunk, encoding, done) => write(chunk, encoding, held(done));
  if (writev !== undefined) {
    socket._writev = (chunks, done) => writev(chunks, held(done));
  }
}

function whenRead(request: ClientRequest, socket: Socket, next: () => void): void {
  let isOver = false;
  const end = () => {
    if (isOver) {
      return;
    }
    isOver = true;
    clearTimeout(timer);
    request.off("close", end);
    socket.off("end", end).off("close", end);
    next();
  };
  const timer = setTimeout(end, longest);
  request.once("response", (response) => response.once("end", end)).once("close", end);
  socket.once("end", end).once("close", end);
}

function isFailedWrite(error: Error | null | undefined): boolean {
  return ["EPIPE", "ECONNRESET"].includes(errorCode(error));
}
