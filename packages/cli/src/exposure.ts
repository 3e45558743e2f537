import { isIP } from "node:net";
import type { ServeConfig } from "./load-config.ts";

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** What `sendsPasswordsReadably` means, for people. */
export const readablePasswords =
  "passwords cross the network readable to all, unless TLS ends at something in front of this port";

/** Whether clients of other machines are asked for passwords over plain HTTP. */
export function sendsPasswordsReadably({
  auth,
  tls,
  host,
}: Pick<ServeConfig, "auth" | "tls" | "host">): boolean {
  return auth !== undefined && tls === undefined && !isLoopback(host);
}
