import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A loopback address that nothing else on the machine listens on or connects from (Linux has sixteen million). A port of it
 * that is free stays free, also while a program that is to have it again is started anew.
 */
export function ownAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
}

/** A port of a loopback address that is free now, for programs that cannot choose one and say which. */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  server.close();
  await once(server, "close");
  if (bound === null || typeof bound === "string") {
    throw new Error(`no port of ${address} is free`);
  }
  return bound.port;
}
