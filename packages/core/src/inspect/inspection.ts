import type { CompleteUpstream } from "../config/complete.ts";
import { firstValue } from "../protocol/headers.ts";
import type { RouterContext } from "../router-context.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Probe, type ProbeRequest, probe, textOf } from "./probe.ts";
import { detectProduct, type Product, type Trait } from "./product.ts";

/** The answers of one upstream to every probe. */
export interface Inspection {
  readonly upstream: Upstream;
  readonly config: CompleteUpstream;
  /** Its option in the configuration: `hosted`, `proxy`, `proxy[1]`. */
  readonly option: string;
  readonly product: Product;
  /** GET `/v2/` with the router's credentials. */
  readonly base: Probe;
  /** GET `/v2/` without credentials. */
  readonly anonymous: Probe;
  /** Its clock and this machine's when `base` was answered, in milliseconds; undefined if the answer had no `Date`. */
  readonly clocks: { readonly there: number; readonly here: number } | undefined;
  /** GET of a manifest that no registry has; undefined if a rule keeps the name from this upstream. */
  readonly manifest: Probe | undefined;
  /** Hosted alone: the referrers of that manifest. */
  readonly referrers: Probe | undefined;
  /** Hosted alone: the answer to a DELETE of that manifest. */
  readonly deletion: Probe | undefined;
}

/** No registry has this repository, and no content this digest: none is known whose SHA-256 is zero. */
export const probeRepository = "combined-registry-check/nothing";
const nothing = `sha256:${"0".repeat(64)}`;

/** A URL without a trailing slash, as people write it. */
export function addressOf({ origin, pathname }: URL): string {
  return `${origin}${pathname === "/" ? "" : pathname}`;
}

/** Sends an upstream all probes at once, each within `timeouts.ping`. Never rejects. */
export async function inspectUpstream(
  context: RouterContext,
  { upstream, config, option }: Pick<Inspection, "upstream" | "config" | "option">,
): Promise<Inspection> {
  const limit = config.timeouts.ping;
  const send = (asked: Pick<ProbeRequest["asked"], "method" | "path" | "scope">, search = "") =>
    probe(upstream, { asked: { ...asked, search }, limit });
  const get = (path: string, scope: readonly string[], search?: string) =>
    send({ method: "GET", path, scope }, search);
  const pull = [`repository:${probeRepository}:pull`];
  const runIf = <T>(may: boolean, work: () => Promise<T>) => (may ? work() : Promise.resolve(undefined));
  const maySend = mayProbe(context, upstream);
  const isHosted = upstream.kind === "hosted";
  const manifestPath = `/v2/${probeRepository}/manifests/${nothing}`;

  const base = get("/v2/", []).then((said) => ({ said, here: Date.now() }));
  const [{ said, here }, anonymous, extensions, manifest, tags, referrers, deletion] = await Promise.all([
    base,
    probe(upstream, {
      asked: { method: "GET", path: "/v2/", search: "", scope: [] },
      limit,
      anonymous: true,
    }),
    get("/v2/_oci/ext/discover", []),
    runIf(maySend, () => get(manifestPath, pull)),
    runIf(maySend, () => get(`/v2/${probeRepository}/tags/list`, pull, "?n=-1")),
    runIf(isHosted, () => get(`/v2/${probeRepository}/referrers/${nothing}`, pull)),
    // The one request that is no GET. Nothing else shows whether deletes are on, and there is nothing that it could delete.
    runIf(isHosted, () =>
      send({ method: "DELETE", path: manifestPath, scope: [`repository:${probeRepository}:delete`] }),
    ),
  ]);
  const product = detectProduct({
    base: traitOf(said),
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
    base: said,
    anonymous,
    clocks: clocksAt(said, here),
    manifest,
    referrers,
    deletion,
  };
}

/** The rules hold for the probe's repository as for any other: a proxy that they exclude must not see its name. */
function mayProbe({ policy }: RouterContext, upstream: Upstream): boolean {
  const { pull, owned } = policy.rulingFor(probeRepository, { namespace: undefined, host: undefined });
  return upstream.kind === "hosted" || (pull.includes(upstream) && !owned);
}

function traitOf(said: Probe | undefined): Trait | undefined {
  return said === undefined || said.failure !== undefined
    ? undefined
    : { status: said.status, headers: said.headers, body: textOf(said) };
}

function clocksAt(said: Probe, here: number): Inspection["clocks"] {
  const date = said.failure === undefined ? firstValue(said.headers, "date") : undefined;
  const there = Date.parse(date ?? "");
  return Number.isNaN(there) ? undefined : { there, here };
}
