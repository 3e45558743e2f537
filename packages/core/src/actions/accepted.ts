import { firstValue, type RawHeaders } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Ruling } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";

/** A manifest on its way to hosted. */
export interface Push {
  readonly to: Upstream;
  readonly ruling: Ruling<Upstream>;
  readonly body: Buffer;
}

/**
 * Draws the consequences of a manifest that hosted has accepted: it is pulled from there.
 * @param request what hosted was asked: the client's request, or one of the router's own for a manifest that it copied
 * @returns what is to be added to the client's answer
 */
export async function accepted(
  { memory }: Services,
  _exchange: Exchange,
  { resource }: Pick<RegistryRequest, "resource">,
  { to }: Push,
  { headers }: Pick<Answer, "headers">,
): Promise<RawHeaders> {
  if (resource.kind === "manifest") {
    const digest = resource.byDigest ? resource.reference : firstValue(headers, "docker-content-digest");
    memory.manifestAt(to, resource.repository, digest);
  }
  return [];
}
