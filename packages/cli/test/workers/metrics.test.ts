import type { MetricsSnapshot } from "@combined-registry/core";
import { expect, test } from "@jest/globals";
import { MetricsAggregator } from "../../src/workers/metrics.ts";

/** A worker with one counter; undefined: it does not answer. */
function counting(count: number) {
  const worker = {
    count: count as number | undefined,
    asked: 0,
    async metrics(): Promise<MetricsSnapshot> {
      worker.asked += 1;
      if (worker.count === undefined) {
        throw new Error("late");
      }
      const values = [{ value: worker.count, labels: {} }];
      return [{ name: "pulls_total", help: "Pulls.", type: "counter", aggregator: "sum", values }];
    },
  };
  return worker;
}

const pulls = (page: string) => Number(/^pulls_total (\d+)$/m.exec(page)?.[1]);

test("of a worker that does not answer the last known counts are told, and that it is late", async () => {
  const [one, other] = [counting(5), counting(7)];
  const totals = new MetricsAggregator<typeof one>();
  await totals.page([one, other]);
  one.count = undefined;
  other.count = 8;

  const page = await totals.page([one, other]);

  expect(pulls(page)).toBe(13);
  expect(page).toContain("combined_registry_workers 2\n");
  expect(page).toContain("combined_registry_workers_late 1\n");
});

test("counts of workers that have ended stay, however many there were", async () => {
  const totals = new MetricsAggregator<ReturnType<typeof counting>>();
  const steady = counting(1);
  for (let number = 0; number < 3; number++) {
    const passing = counting(10);
    await totals.page([steady, passing]);
    totals.ended(passing, { died: true });
  }

  const page = await totals.page([steady]);

  expect(pulls(page)).toBe(31);
  expect(page).toContain("combined_registry_worker_deaths_total 3\n");
  expect(pulls(await totals.page([steady]))).toBe(31);
});

test("one that ends while it is asked counts once", async () => {
  const [one, other] = [counting(5), counting(7)];
  const totals = new MetricsAggregator<typeof one>();
  await totals.page([one, other]);

  const page = totals.page([one, other]);
  totals.ended(other, { died: true });

  expect(pulls(await page)).toBe(12);
  expect(pulls(await totals.page([one]))).toBe(12);
});

test("several who ask at the same time cost one question to each worker", async () => {
  const one = counting(5);
  const totals = new MetricsAggregator<typeof one>();

  const pages = await Promise.all([totals.page([one]), totals.page([one]), totals.page([one])]);

  expect(pages.map(pulls)).toEqual([5, 5, 5]);
  expect(one.asked).toBe(1);
});
