/** The names of metrics in a text, with and without their prefix; of a histogram's series the metric's. */
export function metricsIn(text: string): string[] {
  const found = [...text.matchAll(/\bcombined_registry_[a-z_]*[a-z]/g)].map(([name]) => name);
  return found.map((name) => name.replace(/_(?:bucket|sum|count)$/, ""));
}

/** What a piece of code calls by a metric's name without the prefix: `upstream_up`, `bytes_total{direction="down"}`. */
export function shortMetric(span: string): string | undefined {
  return /^([a-z]+(?:_[a-z\d]+)+)(?:\{.*\})?$/.exec(span)?.[1];
}

/**
 * The words of a piece of code that people cannot have meant as plain English, and that the product's own files have to have
 * therefore: `trustProxy`, `HOSTED_HOSTNAME`.
 */
export function wordsIn(span: string): string[] {
  return span.match(/\b(?:[a-z]+(?:[A-Z][a-z]*)+|[A-Z]+(?:_[A-Z]+)+)\b/g) ?? [];
}
