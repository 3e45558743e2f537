import { canAccess } from "../authorize/admit.ts";
import { type Exchange, entryPointOf } from "../http/exchange.ts";
import { explain } from "../inspect/explain.ts";
import type { Explanation } from "../inspect/explanation.ts";
import { type ImageName, ImageNameError, looksLikeHost, parseImageName } from "../inspect/image-name.ts";
import { publicHost, publicProto } from "../protocol/forwarding.ts";
import { firstValue } from "../protocol/headers.ts";
import type { Services } from "../services.ts";
import type { BoxAnswer } from "./model.ts";

/**
 * Explains an image to whoever sent a request, if that is somebody who may pull it. Before that is known, nobody is asked for it.
 * @throws RegistryError if `authorize` fails; ClientGone
 */
export async function explainFor(services: Services, exchange: Exchange, image: string): Promise<BoxAnswer> {
  if (isLinkedFromElsewhere(exchange)) {
    return refused("Nothing has been asked yet, as another site has led here: explain it if you want to.");
  }
  const name = read(image);
  if (name instanceof ImageNameError) {
    return refused(name.message);
  }
  const { repository } = name;
  if (!(await canAccess(services, exchange, { repository, access: "pull" }))) {
    return refused(`You may not pull from ${repository}, so nobody was asked for it.`);
  }
  const explanation = await services.explaining.tryRun(() =>
    // A browser that goes away makes place for others.
    explain(services, asFrom(services, exchange, image, name), exchange.signal),
  );
  return explanation === undefined
    ? refused("Too many images are being explained at the moment: try again in a few seconds.")
    : { kind: "explained", explanation, ...(await commands(services, exchange, explanation)) };
}

/** Any page of the web can lead a browser here, which brings its password along. */
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

/** Where the page is shown under a name that stands for one registry alone, so does what is pulled under that name. */
function asFrom({ policy }: Services, exchange: Exchange, image: string, { host }: ImageName): string {
  const here = nameForDocker(exchange);
  const isDirect = policy.upstreamByHost(entryPointOf(exchange, { namespace: undefined })) !== undefined;
  return isDirect && here !== undefined && host === undefined ? `${here}/${image}` : image;
}

async function commands(services: Services, exchange: Exchange, explanation: Explanation) {
  const { pull, push } = commandsFor(explanation, nameForDocker(exchange));
  const wanted = { repository: explanation.repository, access: "push" } as const;
  return { pull, push: (await canAccess(services, exchange, wanted)) ? push : undefined };
}

function refused(message: string): BoxAnswer {
  return { kind: "refused", message };
}

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
