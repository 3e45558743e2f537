import { LRUCache } from "lru-cache";
import { Patterns } from "./patterns.ts";
import { type Candidate, isRestricted, type ResolvedRule, type Restriction, type Rule } from "./ruling.ts";

// Names that the rules need not be gone through for again.
const mostKnown = 4_096;

/** What routing has to know of the registries and of the rules over them. */
export interface PolicyOptions<M extends Candidate> {
  readonly hosted: M;
  /** In the order in which they are asked. */
  readonly proxies: readonly M[];
  /** In the order in which they are tried; the first that has a pattern for a name is the name's rule. */
  readonly rules: readonly Rule[];
}

/** Which way a request came in, where that narrows down who is meant. */
export interface EntryPoint {
  /** The registry that a containerd mirror asks on behalf of: `?ns=docker.io`. */
  readonly namespace: string | undefined;
  /** What the client takes this registry to be called: `Host` without port, in lower case. */
  readonly host: string | undefined;
}

/** Everything that the order of upstreams follows from. Compiled once: many rules cost a request no more than one. */
export class Policy<M extends Candidate> {
  readonly hosted: M;
  readonly proxies: readonly M[];
  /** Whether there are names that not everybody may pull whom `authorize` lets in. */
  readonly restrictsPulls: boolean;
  readonly #patterns: Patterns;
  readonly #rulings: readonly ResolvedRule<M>[];
  readonly #default: ResolvedRule<M>;
  /** What was found for the names of late. */
  readonly #known = new LRUCache<string, ResolvedRule<M>>({
    // For `max` it would take the memory of all of them at once, and anew with each reload.
    maxSize: mostKnown,
    sizeCalculation: () => 1,
  });
  readonly #byHost: ReadonlyMap<string, M>;
  /** Those that some proxy says it serves. */
  readonly #namespaces: ReadonlySet<string>;

  constructor({ hosted, proxies, rules }: PolicyOptions<M>) {
    this.hosted = hosted;
    this.proxies = proxies;
    this.restrictsPulls = rules.some(({ access }) => isRestricted(access.pull));
    this.#patterns = new Patterns(rules.map(({ match }) => match));
    this.#rulings = rules.map((rule, position) => this.#compile(rule, position));
    this.#default = this.#compile(defaultRule, undefined);
    const all = [hosted, ...proxies];
    this.#byHost = new Map(all.flatMap((member) => member.hosts.map((host) => [host, member] as const)));
    this.#namespaces = new Set(proxies.flatMap(({ namespace }) => namespace ?? []));
  }

  /** The one registry that a host name stands for, if it does not stand for all of them. */
  upstreamByHost({ host }: EntryPoint): M | undefined {
    return host === undefined ? undefined : this.#byHost.get(host);
  }

  /** What the first rule for a name says. */
  ruleOn(repository: string): ResolvedRule<M> {
    let ruling = this.#known.get(repository);
    if (ruling === undefined) {
      const position = this.#patterns.first(repository);
      ruling = (position === undefined ? undefined : this.#rulings[position]) ?? this.#default;
      this.#known.set(repository, ruling);
    }
    return ruling;
  }

  /** The same, and who is left for this name and this way in. */
  rulingFor(repository: string, entryPoint: EntryPoint): ResolvedRule<M> {
    const ruling = this.ruleOn(repository);
    const direct = this.upstreamByHost(entryPoint);
    const pull = ruling.pull.filter(
      (member) =>
        member.serves(repository) &&
        (direct === undefined || member === direct) &&
        this.#isMeant(member, entryPoint.namespace),
    );
    const noPushBy = this.#noPushBy(ruling, entryPoint);
    return pull.length === ruling.pull.length && noPushBy === undefined
      ? ruling
      : { ...ruling, pull, push: noPushBy === undefined ? ruling.push : undefined, noPushBy };
  }

  /** The namespace that a way in names, if some proxy serves it. */
  namespaceOf({ namespace }: EntryPoint): string | undefined {
    return namespace !== undefined && this.#namespaces.has(namespace) ? namespace : undefined;
  }

  /**
   * A mirror's request is for another registry's content: the proxy of that registry is asked, and hosted is not. For a
   * registry that no proxy says it serves, those that say which other one they serve are left out.
   */
  #isMeant(member: M, namespace: string | undefined): boolean {
    if (namespace === undefined) {
      return true;
    }
    return this.#namespaces.has(namespace) ? member.namespace === namespace : member.namespace === undefined;
  }

  /** What is pushed has to be there when it is pulled the same way. */
  #noPushBy({ push }: ResolvedRule<M>, entryPoint: EntryPoint): Restriction | undefined {
    const direct = this.upstreamByHost(entryPoint);
    if (push === undefined || (direct !== undefined && direct !== push)) {
      return push === undefined ? undefined : "host";
    }
    return this.namespaceOf(entryPoint) === undefined ? undefined : "namespace";
  }

  #compile({ pull, push, match, ...rest }: Rule, position: number | undefined): ResolvedRule<M> {
    const members = pull.flatMap((name) => this.#membersCalled(name));
    return {
      ...rest,
      position,
      pull: [...new Set(members)],
      push: push === "hosted" ? this.hosted : undefined,
      noPushBy: undefined,
    };
  }

  #membersCalled(name: string): readonly M[] {
    const one = [this.hosted, ...this.proxies].find((member) => member.name === name);
    if (name === "hosted") {
      return [this.hosted];
    }
    return name === "proxy" ? this.proxies : one === undefined ? [] : [one];
  }
}

/** What holds for names that no rule is for. */
export const defaultRule: Rule = {
  match: ["**"],
  pull: ["proxy", "hosted"],
  push: "hosted",
  onFailure: "continue",
  owned: false,
  shadow: "warn",
  access: { pull: undefined, push: undefined },
};
