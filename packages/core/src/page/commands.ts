import type { Exchange } from "../http/exchange.ts";
import type { Explanation } from "../inspect/explanation.ts";
import { looksLikeHost } from "../inspect/image-name.ts";
import { publicHost, publicProto } from "../protocol/forwarding.ts";

// What stands in a shell for itself. Other hosts are none that docker takes.
const plain = /^[A-Za-z0-9.:[\]_-]+$/;

/** What docker has to call the router to reach it as whoever sent a request did; undefined if it cannot. */
export function nameForDocker({ request, client }: Exchange): string | undefined {
  const host = publicHost(request.rawHeaders, client);
  if (host === undefined || !plain.test(host)) {
    return undefined;
  }
  if (looksLikeHost(host)) {
    return host;
  }
  return `${host}:${publicProto(request.rawHeaders, client) === "https" ? 443 : 80}`;
}

/**
 * What to type to pull an image, and to push it.
 * @param router what docker has to call it, for whoever asks
 */
export function commandsFor(
  explanation: Explanation,
  router: string | undefined,
): { readonly pull: string; readonly push: string | undefined } {
  const { repository, reference, push, host } = explanation;
  // A host that means something here is the one to be asked; containerd asks its mirrors in the name of a namespace.
  const named = host === undefined || host.means === "nothing" ? router : host.name;
  const from = named ?? "registry.example.com";
  const byDigest = reference.includes(":");
  const image = `${from}/${repository}${byDigest ? "@" : ":"}${reference}`;
  return {
    pull: `docker pull ${image}`,
    push: push.to === undefined || byDigest ? undefined : `docker push ${image}`,
  };
}
