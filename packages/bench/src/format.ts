import type { Metric, Row, Target } from "./results.ts";

/** A number with three significant digits or, from a hundred on, none after the point. Nothing for null. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) {
    return "-";
  }
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en-US")
    : `${Number(value.toPrecision(3))}`;
}

/** A figure with what it counts. */
export function withUnit(value: number | null, unit: string): string {
  return value === null || !Number.isFinite(value) ? "-" : `${figure(value)} ${unit}`;
}

/** What CPU time is counted by: large work by the gigabyte, small by the request. */
export function cpuUnit(unit: Row["unit"]): string {
  return unit === "MB/s" ? "s/GB" : "µs/request";
}

const names: Readonly<Record<Metric, string>> = {
  rate: "throughput",
  p50: "time",
  p99: "p99",
  cpu: "CPU",
  memory: "peak memory",
  upstream: "upstream requests",
};

/** A target in words. */
export function inWords({ metric, against, by = "ratio", least, most }: Target): string {
  const limit = least === undefined ? `<= ${figure(most ?? null)}` : `>= ${figure(least)}`;
  if (against === undefined) {
    return `${names[metric]} ${limit}${metric === "memory" ? " MB" : ""}`;
  }
  return by === "ratio"
    ? `${names[metric]} ${limit} x ${against}`
    : `${names[metric]} ${limit} ms above ${against}`;
}
