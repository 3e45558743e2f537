import type { CompleteUpstream } from "../config/complete.ts";
import { firstValue } from "../protocol/headers.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Probe, type ProbeQuestion, probe, textOf } from "./probe.ts";
import { detectProduct, type Product, type Trait } from "./product.ts";

/** Everything that one upstream was asked, and what it said. */
export interface Inspection {
  readonly upstream: Upstream;
  readonly config: CompleteUpstream;
  /** How its options are called: `hosted`, `proxy`, `proxy[1]`. */
  readonly option: string;
  readonly product: Product;
  /** `/v2/`, with the router's credentials. */
  readonly base: Probe;
  /** `/v2/` without. */
  readonly stranger: Probe;
  /** Its clock when `base` was answered, and this one's. Milliseconds. */
  readonly clocks: { readonly there: number; readonly here: number } | undefined;
  /** A manifest that nobody has; undefined if a rule keeps the name from it. */
  readonly manifest: Probe | undefined;
  /** Hosted alone: what points to that manifest. */
  readonly referrers: Probe | undefined;
  /** Hosted alone: what it says to its deletion. */
  readonly deletion: Probe | undefined;
}

/** A repository that nobody has, and a digest that nothing can have: no content is known whose SHA-256 is zero. */
export const probeRepository = "combined-registry-check/nothing";
const nothing = `sha256:${"0".repeat(64)}`;

/** A URL as people write it. */
export function addressOf({ origin, pathname }: URL): string {
  return `${origin}${pathname === "/" ? "" : pathname}`;
}

/** Asks an upstream everything at once, each within the time of a ping. Never rejects. */
export async function inspectUpstream(
  services: Services,
  { upstream, config, option }: Pick<Inspection, "upstream" | "config" | "option">,
): Promise<Inspection> {
  const limit = config.timeouts.ping;
  const ask = (asked: Pick<ProbeQuestion["asked"], "method" | "path" | "scope">, search = "") =>
    probe(upstream, { asked: { ...asked, search }, limit });
  const get = (path: string, scope: readonly string[], search?: string) =>
    ask({ method: "GET", path, scope }, search);
  const pull = [`repository:${probeRepository}:pull`];
  const maybe = <T>(may: boolean, work: () => Promise<T>) => (may ? work() : Promise.resolve(undefined));
  const hears = mayHear(services, upstream);
  const isHosted = upstream.kind === "hosted";
  const manifestPath = `/v2/${probeRepository}/manifests/${nothing}`;

  const base = get("/v2/", []).then((said) => ({ said, here: Date.now() }));
  const [{ said, here }, stranger, extensions, manifest, tags, referrers, deletion] = await Promise.all([
    base,
    probe(upstream, {
      asked: { method: "GET", path: "/v2/", search: "", scope: [] },
      limit,
      asStranger: true,
    }),
    get("/v2/_oci/ext/discover", []),
    maybe(hears, () => get(manifestPath, pull)),
    maybe(hears, () => get(`/v2/${probeRepository}/tags/list`, pull, "?n=-1")),
    maybe(isHosted, () => get(`/v2/${probeRepository}/referrers/${nothing}`, pull)),
    // The one request that is no GET. It writes nothing, as there is nothing that it could delete, and nothing else tells.
    maybe(isHosted, () =>
      ask({ method: "DELETE", path: manifestPath, scope: [`repository:${probeRepository}:delete`] }),
    ),
  ]);
  const product = detectProduct({
    base: traitOf(said),
    stranger: traitOf(stranger),
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
    stranger,
    clocks: clocksAt(said, here),
    manifest,
    referrers,
    deletion,
  };
}

/** The names that are asked for obey the rules like everybody's. */
function mayHear({ policy }: Services, upstream: Upstream): boolean {
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
