import type { Exchange } from "../http/exchange.ts";
import { publicHost } from "../protocol/forwarding.ts";
import { bareHostName } from "../protocol/host.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Entrance } from "../routing/policy.ts";

/** Which way a request came in. */
export function entranceOf(
  { request, client }: Exchange,
  { namespace }: Pick<RegistryRequest, "namespace">,
): Entrance {
  const host = publicHost(request.rawHeaders, client);
  return { namespace, host: host === undefined ? undefined : bareHostName(host) };
}
