import type { Explanation } from "../inspect/explanation.ts";

// What stands in a shell for itself. Other hosts are none that docker takes.
const plain = /^[A-Za-z0-9.:[\]_-]+$/;

/**
 * What to type to pull an image, and to push it.
 * @param publicHost what the router is called by whoever asks
 */
export function commandsFor(
  explanation: Explanation,
  publicHost: string | undefined,
): { readonly pull: string; readonly push: string | undefined } {
  const { repository, reference, push, host } = explanation;
  // A host that means something here is the one to be asked; containerd asks its mirrors in the name of a namespace.
  const named = host === undefined || host.means === "nothing" ? publicHost : host.name;
  const from = named !== undefined && plain.test(named) ? named : "registry.example.com";
  const byDigest = reference.includes(":");
  const image = `${from}/${repository}${byDigest ? "@" : ":"}${reference}`;
  return {
    pull: `docker pull ${image}`,
    push: push.to === undefined || byDigest ? undefined : `docker push ${image}`,
  };
}
