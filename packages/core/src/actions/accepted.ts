import { firstValue } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";
import { learnOwner } from "./owners.ts";

/** A manifest as it is put. */
export interface Push {
  readonly to: Upstream;
  readonly body: Buffer;
  /** Its `Content-Type`. */
  readonly type: string | undefined;
}

/**
 * Draws the consequences of a manifest that hosted has accepted: it is pulled from there.
 * @param request what hosted was asked: the client's request, or one of the router's own for a manifest that it copied
 * @returns what is to be added to the client's answer
 */
export async function accepted(
  services: Services,
  _exchange: Exchange,
  { resource }: Pick<RegistryRequest, "resource" | "namespace">,
  { to }: Push,
  { headers }: Pick<Answer, "headers">,
): Promise<string[]> {
  if (resource.kind === "manifest") {
    const digest = resource.byDigest ? resource.reference : firstValue(headers, "docker-content-digest");
    services.memory.manifestAt(to, resource.repository, digest);
    if (!resource.byDigest) {
      // Not before: the other manifests of an index may still rely on what a proxy has.
      learnOwner(services, resource.repository);
    }
  }
  return [];
}
