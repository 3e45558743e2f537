import type { CompleteUpstream } from "../config/complete.ts";
import { firstValue } from "../protocol/headers.ts";
import type { RouterContext } from "../router-context.ts";
import type { Ping } from "../upstream/pings.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Probe, type ProbeTarget, probe, textOf } from "./probe.ts";
import { detectProduct, type Product, type Trait } from "./product.ts";

export interface Inspection {
  readonly upstream: Upstream;
  readonly config: CompleteUpstream;
  /** Its option in the configuration: `hosted`, `proxy`, `proxy[1]`. */
  readonly option: string;
  readonly product: Product;
  /** Whether it can be used, as health says. */
  readonly ping: Ping;
  /** GET `/v2/` with the router's credentials. */
  readonly base: Probe;
  /** GET `/v2/` without credentials. */
  readonly anonymous: Probe;
  /** Seconds by which its clock was ahead when it answered `base`; undefined if the answer had no `Date`. */
  readonly clockSkew: number | undefined;
  /** GET of a manifest that no registry has; undefined if a rule keeps the name from this upstream. */
  readonly manifest: Probe | undefined;
  /** HEAD of the same. */
  readonly head: Probe | undefined;
  /** GET of the tags of a repository that no registry has; undefined as `manifest`. */
  readonly tags: Probe | undefined;
  readonly referrers: Probe | undefined;
  /** Hosted alone: the answer to a DELETE of that manifest. */
  readonly deletion: Probe | undefined;
}

// No registry has this repository, and no content is known whose SHA-256 is zero.
const probeRepository = "combined-registry-check/nothing";
const nothing = `sha256:${"0".repeat(64)}`;

export function addressOf({ origin, pathname }: URL): string {
  return `${origin}${pathname === "/" ? "" : pathname}`;
}

/** Sends an upstream all probes at once, each within `timeouts.ping`. Never rejects. */
export async function inspectUpstream(
  context: RouterContext,
  { upstream, config, option }: Pick<Inspection, "upstream" | "config" | "option">,
): Promise<Inspection> {
  const send = (
    path: string,
    { anonymous = false, ...target }: Partial<ProbeTarget> & { anonymous?: boolean } = {},
  ) =>
    probe(upstream, {
      target: { method: "GET", search: "", scope: [], ...target, path },
      limit: config.timeouts.ping,
      anonymous,
    });
  const repository = `/v2/${probeRepository}`;
  const scope = [`repository:${probeRepository}:pull`];
  const maySend = mayProbe(context, upstream);
  const isHosted = upstream.kind === "hosted";

  const [ping, { base, skew }, anonymous, extensions, manifest, head, tags, referrers, deletion] =
    await Promise.all([
      context.pings.ping(upstream),
      send("/v2/").then((probed) => ({ base: probed, skew: skewOf(probed) })),
      send("/v2/", { anonymous: true }),
      send("/v2/_oci/ext/discover"),
      maySend ? send(`${repository}/manifests/${nothing}`, { scope }) : undefined,
      maySend ? send(`${repository}/manifests/${nothing}`, { scope, method: "HEAD" }) : undefined,
      maySend ? send(`${repository}/tags/list`, { scope, search: "?n=-1" }) : undefined,
      isHosted ? send(`${repository}/referrers/${nothing}`, { scope }) : undefined,
      // The only request that is no GET. Nothing else shows whether deletes are on, and no such manifest exists to be deleted.
      isHosted
        ? send(`${repository}/manifests/${nothing}`, {
            method: "DELETE",
            scope: [`repository:${probeRepository}:delete`],
          })
        : undefined,
    ]);
  const product = detectProduct({
    base: traitOf(base),
    anonymous: traitOf(anonymous),
    extensions: traitOf(extensions),
    manifest: traitOf(manifest),
    tags: traitOf(tags),
  });
  return {
    upstream,
    config,
    option,
    product,
    ping,
    base,
    anonymous,
    clockSkew: skew,
    manifest,
    head,
    tags,
    referrers,
    deletion,
  };
}

/** The rules apply to the probe's repository as to any other: a proxy that they exclude must not see its name. */
function mayProbe({ policy }: RouterContext, upstream: Upstream): boolean {
  const { pull, owned } = policy.rulingFor(probeRepository, { namespace: undefined, host: undefined });
  return upstream.kind === "hosted" || (pull.includes(upstream) && !owned);
}

function traitOf(probed: Probe | undefined): Trait | undefined {
  return probed === undefined || probed.failure !== undefined
    ? undefined
    : { status: probed.status, headers: probed.headers, body: textOf(probed) };
}

function skewOf(probed: Probe): number | undefined {
  const date = probed.failure === undefined ? firstValue(probed.headers, "date") : undefined;
  const skew = Math.round((Date.parse(date ?? "") - Date.now()) / 1000);
  return Number.isNaN(skew) ? undefined : skew;
}
