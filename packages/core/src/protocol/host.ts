import { RegistryError } from "./errors.ts";
import { type RawHeaders, valuesOf } from "./headers.ts";

// uri-host [":" port] of RFC 9110 7.2: a name, an IPv4 address, or an IPv6 one in brackets.
const grammar = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * Makes sure that a request is for one host. Registries build the address of an upload from it, and servers differ in which
 * of two they believe (RFC 9112 3.2 asks for 400).
 * @throws RegistryError BAD_REQUEST
 */
export function checkHost(headers: RawHeaders): void {
  const hosts = valuesOf(headers, "host");
  if (hosts.length > 1) {
    throw new RegistryError("BAD_REQUEST", { message: "the request names more than one host" });
  }
  if (hosts[0] !== undefined && !grammar.test(hosts[0])) {
    throw new RegistryError("BAD_REQUEST", { message: "the request's Host is not a host" });
  }
}

/** A host without its port and without the dot that a name may end in, in lower case. */
export function bareHostName(host: string): string {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}

/** Whether a host name or an address, IPv6 in brackets or not, is the machine's own loopback. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)$/i.test(host);
}
