/** What a query names, as far as can be told without a parser; promtool says whether it is a query at all. */
export interface Named {
  /** Metrics, each with the labels that are matched. */
  readonly metrics: ReadonlyMap<string, readonly string[]>;
  /** Labels that are kept: those in `by (...)`. */
  readonly kept: readonly string[];
}

/** The metrics and labels of a query. */
export function namesIn(query: string): Named {
  const metrics = new Map<string, readonly string[]>();
  for (const [, name = "", matchers = ""] of query.matchAll(
    /\b([a-z]+(?:_[a-z\d]+)+)\b(?!\s*\()(\{[^}]*\})?/g,
  )) {
    // A label in `by (...)` may look like a metric; those of this program have its name or Node's in front.
    if (/^(combined_registry|nodejs|process)_/.test(name)) {
      const labels = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label);
      metrics.set(name, [...(metrics.get(name) ?? []), ...labels]);
    }
  }
  const kept = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
  return { metrics, kept };
}

/** The metrics of a page in Prometheus' text format, each with its labels; those that have no sample yet have none. */
export function metricsOn(page: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const [, declared = "", name = "", labels = ""] of page.matchAll(
    /^(?:# TYPE (\w+) .*|(\w+)(\{.*\})? \S+)$/gm,
  )) {
    const key = declared || name;
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = ""]) => label);
    found.set(key, new Set([...(found.get(key) ?? []), ...names]));
  }
  return found;
}
