import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { within } from "@combined-registry/deadline";

const patience = 10_000;
// First bytes of frames (RFC 6455, section 5.2) that come in one piece.
const text = 0x81;
const close = 0x88;

/** A client that has been told something, and goes when it is told to. */
export interface WebSocketClient extends Disposable {
  /** The first message. */
  readonly message: string;
  /** Resolves when the server has said goodbye. */
  readonly dismissed: Promise<void>;
}

/** Opens a WebSocket, and waits for a first message: a short text. Node 20 has no such client of its own. */
export async function openWebSocket(origin: string, path: string): Promise<WebSocketClient> {
  const sent = request(new URL(path, origin), {
    agent: false,
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": Buffer.alloc(16).toString("base64"),
    },
  });
  sent.end();
  const [, socket, head] = await within(`${path} to be upgraded`, patience, once(sent, "upgrade"));
  const frame: Buffer = head.length > 0 ? head : await nextBytes(socket);
  // Not masked, shorter than 126 bytes: two bytes, and the text.
  if (frame[0] !== text || frame[1] !== frame.length - 2) {
    throw new Error(`the first message is not one short text: ${frame.toString("hex")}`);
  }
  return {
    message: frame.subarray(2).toString(),
    dismissed: dismissal(socket),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

async function nextBytes(socket: Socket): Promise<Buffer> {
  const [bytes] = await within("a first message", patience, once(socket, "data"));
  return bytes;
}

function dismissal(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("data", (frame: Buffer) => {
      if (frame[0] === close) {
        socket.end();
        resolve();
      }
    });
  });
}
