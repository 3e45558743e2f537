import type { CombinedRegistryConfig, ProxyConfig } from "@combined-registry/core";
import type { Fault, TestRegistry } from "@combined-registry/testkit";
import type { RunningRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";

/** Digests of what the registries have. */
export interface Seeded {
  /** The manifest of `private/app:1`, at hosted alone, and its layer. */
  readonly own: string;
  readonly ownLayer: string;
  /** The manifest of `public/app:1`, at `hub` alone, and its layer. */
  readonly hub: string;
  readonly hubLayer: { readonly digest: string; readonly size: number };
}

/** What is configured beyond three registries without checks for shadowed tags, which are the router's own requests. */
export interface Setting {
  readonly router?: Partial<CombinedRegistryConfig>;
  readonly hub?: Partial<ProxyConfig>;
  readonly faults?: Partial<Record<Side, Fault>>;
}

export type Side = "hub" | "other" | "hosted";

export interface ContractSides extends AsyncDisposable {
  readonly router: RunningRouter;
  readonly seeded: Seeded;
  /** The upstreams that got requests since the last call, once for each request. */
  asked(): Side[];
}

const names: readonly Side[] = ["hub", "other", "hosted"];
const impatient = { timeouts: { headers: 300 }, breaker: false } as const;

/**
 * `private/app:1` is at hosted, `public/app:1` and `library/tool:1` at the proxy `hub`, `rare/app:1` at the proxy `other`, and
 * `both/app:1` at hosted and `hub`, with different images.
 */
export async function startContractSides({
  router: config,
  hub,
  faults = {},
}: Setting): Promise<ContractSides> {
  const sides = await startSides({
    proxies: { hub: { ...impatient, ...hub }, other: impatient },
    hosted: impatient,
    router: { rules: [{ match: "**", shadow: "allow" }], ...config },
  });
  const registries: Readonly<Record<Side, TestRegistry>> = {
    hub: sides.proxyNamed("hub"),
    other: sides.proxyNamed("other"),
    hosted: sides.hosted,
  };
  const seeded = seed(registries);
  for (const name of names) {
    const fault = faults[name];
    if (fault !== undefined) {
      registries[name].fault(fault);
    }
  }
  return {
    ...sides,
    seeded,
    asked() {
      const asked = names.flatMap((name) => registries[name].requests.map(() => name));
      for (const registry of Object.values(registries)) {
        registry.clearRequests();
      }
      return asked;
    },
  };
}

function seed({ hub, other, hosted }: Readonly<Record<Side, TestRegistry>>): Seeded {
  const own = hosted.addImage("private/app", { tag: "1", layers: ["private"] });
  const theirs = hub.addImage("public/app", { tag: "1", layers: ["public"] });
  hub.addImage("library/tool", { tag: "1", layers: ["a tool"] });
  hub.addImage("both/app", { tag: "1", layers: ["of the hub"] });
  hosted.addImage("both/app", { tag: "1", layers: ["of hosted"] });
  other.addImage("rare/app", { tag: "1", layers: ["rare"] });
  const [ownLayer] = own.layers;
  const [hubLayer] = theirs.layers;
  if (ownLayer === undefined || hubLayer === undefined) {
    throw new Error("an image without a layer");
  }
  return { own: own.digest, ownLayer: ownLayer.digest, hub: theirs.digest, hubLayer };
}
