import { joinMetrics, type MetricsSnapshot, totalsOf } from "@combined-registry/core";

/** Somebody whose metrics are added up. */
export interface Counting {
  /** @throws if there is no answer in time */
  metrics(): Promise<MetricsSnapshot>;
}

/**
 * Adds up the metrics of all workers. Of one that does not answer, the last known ones count; of one that has ended, its counts
 * as they were last seen. So no count that somebody has seen ever goes back, as if the whole program had begun anew.
 */
export class Totals<Who extends Counting> {
  readonly #last = new Map<Who, MetricsSnapshot>();
  readonly #left = new WeakSet<Who>();
  #ended: readonly MetricsSnapshot[] = [];
  #deaths = 0;
  #page: Promise<string> | undefined;

  /** The text of `/metrics`. Who asks while it is being made gets the same. */
  page(workers: readonly Who[]): Promise<string> {
    this.#page ??= this.#make(workers).finally(() => {
      this.#page = undefined;
    });
    return this.#page;
  }

  /** A worker has ended. */
  ended(who: Who, { died }: { readonly died: boolean }): void {
    const last = this.#last.get(who);
    this.#last.delete(who);
    this.#left.add(who);
    this.#ended = last === undefined ? this.#ended : [...this.#ended, last];
    this.#deaths += died ? 1 : 0;
  }

  async #make(workers: readonly Who[]): Promise<string> {
    const late = await Promise.all(workers.map((who) => this.#ask(who)));
    const running = [...this.#last.values()];
    const ended = this.#ended;
    const totals = await totalsOf(ended);
    this.#ended = [totals, ...this.#ended.slice(ended.length)];
    const counts = { workers: late.length, late: late.filter(Boolean).length, deaths: this.#deaths };
    return `${await joinMetrics(running, totals)}\n${aboutWorkers(counts)}`;
  }

  /** @returns whether there was no answer */
  async #ask(who: Who): Promise<boolean> {
    try {
      const told = await who.metrics();
      // One that has ended in the meantime is counted already, by what was known of it before.
      if (!this.#left.has(who)) {
        this.#last.set(who, told);
      }
      return false;
    } catch {
      return true;
    }
  }
}

const prefix = "combined_registry_";

function aboutWorkers(counts: Readonly<Record<"workers" | "late" | "deaths", number>>): string {
  const metrics = [
    ["workers", "gauge", "Processes that share the port.", counts.workers],
    [
      "workers_late",
      "gauge",
      "Those that did not tell their metrics in time: their last ones count.",
      counts.late,
    ],
    ["worker_deaths_total", "counter", "Processes that ended unasked and were replaced.", counts.deaths],
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
