import { LRUCache } from "lru-cache";
import { Patterns } from "./patterns.ts";
import { type Candidate, isRestricted, type ResolvedRule, type Restriction, type Rule } from "./ruling.ts";

const mostCached = 4_096;

interface PolicyOptions<M extends Candidate> {
  readonly hosted: M;
  readonly proxies: readonly M[];
  /** The first rule that matches a name applies. */
  readonly rules: readonly Rule[];
}

/** How a request reached the router. Either may restrict it to one registry. */
export interface EntryPoint {
  /** The registry for which containerd asks a mirror: `?ns=docker.io`. */
  readonly namespace: string | undefined;
  /** The client's `Host` without port, in lower case. */
  readonly host: string | undefined;
}

/** Which upstreams are asked for a name, and in which order. Compiled once: a request costs the same with one rule and with many. */
export class Policy<M extends Candidate> {
  readonly hosted: M;
  readonly proxies: readonly M[];
  /** True unless every client that `authorize` admits may pull every name. */
  readonly restrictsPulls: boolean;
  readonly #patterns: Patterns;
  readonly #rules: readonly ResolvedRule<M>[];
  readonly #default: ResolvedRule<M>;
  readonly #cached = new LRUCache<string, ResolvedRule<M>>({
    // With `max`, the cache would allocate memory for all entries at once, and again with each reload.
    maxSize: mostCached,
    sizeCalculation: () => 1,
  });
  readonly #byHost: ReadonlyMap<string, M>;
  readonly #namespaces: ReadonlySet<string>;

  constructor({ hosted, proxies, rules }: PolicyOptions<M>) {
    this.hosted = hosted;
    this.proxies = proxies;
    this.restrictsPulls = rules.some(({ access }) => isRestricted(access.pull));
    this.#patterns = new Patterns(rules.map(({ match }) => match));
    this.#rules = rules.map((rule, position) => this.#compile(rule, position));
    this.#default = this.#compile(defaultRule, undefined);
    const all = [hosted, ...proxies];
    this.#byHost = new Map(all.flatMap((member) => member.hosts.map((host) => [host, member] as const)));
    this.#namespaces = new Set(proxies.flatMap(({ namespace }) => namespace ?? []));
  }

  /** The one registry that the host name stands for; undefined if it stands for all. */
  upstreamByHost({ host }: EntryPoint): M | undefined {
    return host === undefined ? undefined : this.#byHost.get(host);
  }

  /** The first rule for a name, without regard to how a request came in. */
  ruleOn(repository: string): ResolvedRule<M> {
    if (this.#rules.length === 0) {
      return this.#default;
    }
    let rule = this.#cached.get(repository);
    if (rule === undefined) {
      const position = this.#patterns.first(repository);
      rule = (position === undefined ? undefined : this.#rules[position]) ?? this.#default;
      this.#cached.set(repository, rule);
    }
    return rule;
  }

  /**
   * The rule for a name, restricted to the upstreams that serve the name and that the request is for. A mirror's request is for
   * another registry's content: only the proxies of that registry are asked. If none has that namespace, those without any are
   * asked.
   */
  rulingFor(repository: string, entryPoint: EntryPoint): ResolvedRule<M> {
    const rule = this.ruleOn(repository);
    const direct = this.upstreamByHost(entryPoint);
    const namespace = this.namespaceOf(entryPoint);
    const isMirrored = entryPoint.namespace !== undefined;
    const pull = rule.pull.filter(
      (member) =>
        member.serves(repository) &&
        (direct === undefined || member === direct) &&
        (!isMirrored || member.namespace === namespace),
    );
    let noPushBy: Restriction | undefined;
    // A push must be found by a pull from the same entry point.
    if (rule.push !== undefined) {
      const isElsewhere = direct !== undefined && direct !== rule.push;
      noPushBy = isElsewhere ? "host" : namespace === undefined ? undefined : "namespace";
    }
    return pull.length === rule.pull.length && noPushBy === undefined
      ? rule
      : { ...rule, pull, push: noPushBy === undefined ? rule.push : undefined, noPushBy };
  }

  namespaceOf({ namespace }: EntryPoint): string | undefined {
    return namespace !== undefined && this.#namespaces.has(namespace) ? namespace : undefined;
  }

  #compile({ pull, push, match, ...rest }: Rule, position: number | undefined): ResolvedRule<M> {
    const all = [this.hosted, ...this.proxies];
    const members = pull.flatMap((name) =>
      // `hosted` and `proxy` stand for all upstreams of that kind.
      all.filter((member) => (name === "hosted" || name === "proxy" ? member.kind : member.name) === name),
    );
    return {
      ...rest,
      position,
      pull: [...new Set(members)],
      push: push === "hosted" ? this.hosted : undefined,
      noPushBy: undefined,
    };
  }
}

export const defaultRule: Rule = {
  match: ["**"],
  pull: ["proxy", "hosted"],
  push: "hosted",
  onFailure: undefined,
  owned: false,
  shadow: "warn",
  access: { pull: undefined, push: undefined },
};
