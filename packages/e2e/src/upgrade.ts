import { once } from "node:events";
import { request } from "node:http";
import { within } from "./deadline.ts";

const patience = 10_000;

/** Opens a WebSocket (RFC 6455). @returns the first message, which has to be a short text */
export async function firstMessage(origin: string, path: string): Promise<string> {
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
  const [, socket, first] = await within(`${path} to be upgraded`, patience, once(sent, "upgrade"));
  try {
    const frame: Buffer =
      first.length > 0 ? first : (await within("a first message", patience, once(socket, "data")))[0];
    // Final, text, not masked, shorter than 126 bytes: two bytes, and the text.
    if (frame[0] !== 0x81 || frame[1] !== frame.length - 2) {
      throw new Error(`the first message is not one short text: ${frame.toString("hex")}`);
    }
    return frame.subarray(2).toString();
  } finally {
    socket.destroy();
  }
}
