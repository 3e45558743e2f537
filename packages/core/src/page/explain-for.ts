import { canAccess } from "../authorize/admit.ts";
import { type Exchange, entryPointOf } from "../http/exchange.ts";
import { explain } from "../inspect/explain.ts";
import type { Explanation } from "../inspect/explanation.ts";
import { type ImageName, ImageNameError, looksLikeHost, parseImageName } from "../inspect/image-name.ts";
import { publicHost, publicProto } from "../protocol/forwarding.ts";
import { firstValue } from "../protocol/headers.ts";
import type { RouterContext } from "../router-context.ts";
import type { BoxAnswer } from "./model.ts";

/**
 * Explains an image to a client that may pull it. Until that is known, no upstream is asked for the image.
 * @throws RegistryError if `authorize` fails; ClientAborted
 */
export async function explainFor(
  context: RouterContext,
  exchange: Exchange,
  image: string,
): Promise<BoxAnswer> {
  if (isLinkedFromElsewhere(exchange)) {
    return refused(
      "A link on another site led here, so no registry has been asked yet. Press Explain to ask.",
    );
  }
  const name = read(image);
  if (name instanceof ImageNameError) {
    return refused(name.message);
  }
  const { repository } = name;
  if (!(await canAccess(context, exchange, { repository, access: "pull" }))) {
    return refused(`You may not pull from ${repository}, so no registry was asked for it.`);
  }
  const explanation = await context.explaining.tryRun(() =>
    // If the browser disconnects, the signal frees the slot for another client.
    explain(context, asFrom(context, exchange, image, name), exchange.signal),
  );
  return explanation === undefined
    ? refused("Too many images are being explained at the moment. Try again in a few seconds.")
    : { kind: "explained", explanation, ...(await commands(context, exchange, explanation)) };
}

/** A page of any site can lead a browser here, and the browser sends its password along. */
function isLinkedFromElsewhere({ request }: Exchange): boolean {
  const site = firstValue(request.rawHeaders, "sec-fetch-site");
  return site === "cross-site" || site === "same-site";
}

function read(image: string): ImageName | ImageNameError {
  try {
    return parseImageName(image);
  } catch (error) {
    if (error instanceof ImageNameError) {
      return error;
    }
    throw error;
  }
}

/** If the page is shown under a host name that selects one registry, pulls under that name ask only that registry, too. */
function asFrom({ policy }: RouterContext, exchange: Exchange, image: string, { host }: ImageName): string {
  const here = nameForDocker(exchange);
  const isDirect = policy.upstreamByHost(entryPointOf(exchange, { namespace: undefined })) !== undefined;
  return isDirect && here !== undefined && host === undefined ? `${here}/${image}` : image;
}

async function commands(context: RouterContext, exchange: Exchange, explanation: Explanation) {
  const { pull, push } = commandsFor(explanation, nameForDocker(exchange));
  const pushing = { repository: explanation.repository, access: "push" } as const;
  return { pull, push: (await canAccess(context, exchange, pushing)) ? push : undefined };
}

function refused(message: string): BoxAnswer {
  return { kind: "refused", message };
}

// No character in it means something to a shell. Docker accepts no other hosts.
const plain = /^[A-Za-z0-9.:[\]_-]+$/;

/** The name under which docker reaches the router as this client did; undefined if docker cannot use that name. */
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
 * The commands to pull an image and to push it.
 * @param router the router's name for docker
 */
export function commandsFor(
  explanation: Explanation,
  router: string | undefined,
): { readonly pull: string; readonly push: string | undefined } {
  const { repository, reference, push, host } = explanation;
  // A host that selects upstreams stays in the name: docker asks that host, and containerd asks the router as its mirror of a namespace.
  const named = host === undefined || host.means === "nothing" ? router : host.name;
  const from = named ?? "registry.example.com";
  const byDigest = reference.includes(":");
  const image = `${from}/${repository}${byDigest ? "@" : ":"}${reference}`;
  return {
    pull: `docker pull ${image}`,
    push: push.to === undefined || byDigest ? undefined : `docker push ${image}`,
  };
}
