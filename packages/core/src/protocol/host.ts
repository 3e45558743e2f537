import { RegistryError } from "./errors.ts";
import { type RawHeaders, valuesOf } from "./headers.ts";

// uri-host [":" port] of RFC 9110 7.2: a name, an IPv4 address, or an IPv6 one in brackets.
const grammar = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * Registries build the address of an upload from `Host`, and servers differ in which of two they believe (RFC 9112 3.2: 400).
 * @throws RegistryError BAD_REQUEST if there are several, or one that is not well formed
 */
export function checkHost(headers: RawHeaders): void {
  const [host, ...others] = valuesOf(headers, "host");
  if (others.length > 0) {
    throw new RegistryError("BAD_REQUEST", { message: "the request names more than one host" });
  }
  if (host !== undefined && !grammar.test(host)) {
    throw new RegistryError("BAD_REQUEST", { message: "the request's Host is not a host" });
  }
}

/** In lower case, without port and trailing dot. */
export function bareHostName(host: string): string {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}

/** @param host a name or an address, IPv6 with or without brackets */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)$/i.test(host);
}
