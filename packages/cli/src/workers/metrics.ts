import { aggregateMetrics, type MetricsSnapshot, sumMetrics } from "@combined-registry/core";

/** A process that counts. */
export interface MetricsSource {
  /** @throws if there is no answer in time */
  metrics(): Promise<MetricsSnapshot>;
}

/**
 * Adds up the metrics of all workers. If a worker does not answer, its last known metrics count; so do those of workers that have
 * ended. A counter on the page therefore never goes back, which Prometheus would take for a restart of the whole program.
 */
export class MetricsAggregator<Source extends MetricsSource> {
  readonly #last = new Map<Source, MetricsSnapshot>();
  readonly #gone = new WeakSet<Source>();
  #ended: readonly MetricsSnapshot[] = [];
  #deaths = 0;
  #page: Promise<string> | undefined;

  /** The text of `/metrics`. Requests that come while it is being made share it. */
  page(workers: readonly Source[]): Promise<string> {
    this.#page ??= this.#make(workers).finally(() => {
      this.#page = undefined;
    });
    return this.#page;
  }

  /** A worker has ended. */
  ended(worker: Source, { died }: { readonly died: boolean }): void {
    const last = this.#last.get(worker);
    this.#last.delete(worker);
    this.#gone.add(worker);
    this.#ended = last === undefined ? this.#ended : [...this.#ended, last];
    this.#deaths += died ? 1 : 0;
  }

  async #make(workers: readonly Source[]): Promise<string> {
    const answered = await Promise.all(workers.map((worker) => this.#update(worker)));
    const running = [...this.#last.values()];
    const ended = this.#ended;
    const totals = await sumMetrics(ended);
    this.#ended = [totals, ...this.#ended.slice(ended.length)];
    const late = answered.filter((one) => !one).length;
    return `${await aggregateMetrics(running, totals)}\n${workerMetrics(workers.length, late, this.#deaths)}`;
  }

  /** @returns whether the worker answered */
  async #update(worker: Source): Promise<boolean> {
    try {
      const metrics = await worker.metrics();
      // If it has ended meanwhile, its last known metrics are counted among the ended ones already.
      if (!this.#gone.has(worker)) {
        this.#last.set(worker, metrics);
      }
      return true;
    } catch {
      return false;
    }
  }
}

const prefix = "combined_registry_";

function workerMetrics(workers: number, late: number, deaths: number): string {
  const metrics = [
    ["workers", "gauge", "Processes that share the port.", workers],
    ["workers_late", "gauge", "Workers that did not answer in time: their last metrics count.", late],
    ["worker_deaths_total", "counter", "Workers that ended unexpectedly and were replaced.", deaths],
  ] as const;
  return metrics
    .map(([name, type, help, value]) =>
      [
        `# HELP ${prefix}${name} ${help}`,
        `# TYPE ${prefix}${name} ${type}`,
        `${prefix}${name} ${value}`,
        "",
      ].join("\n"),
    )
    .join("\n");
}
