import { canAccess } from "../authorize/admit.ts";
import { type Exchange, entryPointOf } from "../http/exchange.ts";
import { explain } from "../inspect/explain.ts";
import type { Explanation } from "../inspect/explanation.ts";
import { type ImageName, ImageNameError, looksLikeHost, parseImageName } from "../inspect/image-name.ts";
import { publicHost, publicProto } from "../protocol/forwarded-headers.ts";
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
  let name: ImageName;
  try {
    name = parseImageName(image);
  } catch (error) {
    if (error instanceof ImageNameError) {
      return refused(error.message);
    }
    throw error;
  }
  const { repository } = name;
  if (!(await canAccess(context, exchange, { repository, access: "pull" }))) {
    return refused(`You may not pull from ${repository}, so no registry was asked for it.`);
  }
  const router = nameForDocker(exchange);
  // Under a host name that selects one registry, pulls ask only that registry. The explanation asks the same one.
  const isDirect =
    context.policy.upstreamByHost(entryPointOf(exchange, { namespace: undefined })) !== undefined;
  const full = isDirect && router !== undefined && name.host === undefined ? `${router}/${image}` : image;
  // If the browser disconnects, the signal frees the slot for another client.
  const explanation = await context.explaining.tryRun(() => explain(context, full, exchange.signal));
  if (explanation === undefined) {
    return refused("Too many images are being explained at the moment. Try again in a few seconds.");
  }
  const { pull, push } = commandsFor(explanation, router);
  const mayPush = await canAccess(context, exchange, { repository: explanation.repository, access: "push" });
  return { kind: "explained", explanation, pull, push: mayPush ? push : undefined };
}

/** Any site can link to this page, and a browser that follows the link sends the user's password. */
function isLinkedFromElsewhere({ request }: Exchange): boolean {
  const site = firstValue(request.rawHeaders, "sec-fetch-site");
  return site === "cross-site" || site === "same-site";
}

function refused(message: string): BoxAnswer {
  return { kind: "refused", message };
}

// None of these characters is special to a shell. Docker accepts no other hosts.
const safeHost = /^[A-Za-z0-9.:[\]_-]+$/;

/** The name under which docker reaches the router as this client did; undefined if docker cannot use that name. */
function nameForDocker({ request, client }: Exchange): string | undefined {
  const host = publicHost(request.rawHeaders, client);
  if (host === undefined || !safeHost.test(host)) {
    return undefined;
  }
  const port = publicProto(request.rawHeaders, client) === "https" ? 443 : 80;
  return looksLikeHost(host) ? host : `${host}:${port}`;
}

/**
 * The commands to pull an image and to push it.
 * @param router the router's name for docker
 */
function commandsFor(
  explanation: Explanation,
  router: string | undefined,
): { readonly pull: string; readonly push: string | undefined } {
  const { repository, reference, push, host } = explanation;
  // A host that selects upstreams stays in the name: docker asks that host, and containerd asks the router as its mirror of a namespace.
  const named = host === undefined || host.means === "nothing" ? router : host.name;
  const registry = named ?? "registry.example.com";
  const byDigest = reference.includes(":");
  const image = `${registry}/${repository}${byDigest ? "@" : ":"}${reference}`;
  return {
    pull: `docker pull ${image}`,
    push: push.to === undefined || byDigest ? undefined : `docker push ${image}`,
  };
}
