import { describe, expect, it } from "@jest/globals";
import { KeyedMutex } from "../../src/concurrency/semaphore.ts";

describe("a keyed mutex", () => {
  it("runs work one at a time and in order for one key, even after failures, and concurrently for other keys", async () => {
    const changes = new KeyedMutex();
    const log: string[] = [];
    const work = (name: string, fails = false) =>
      changes.run(name.slice(0, 1), async () => {
        log.push(`${name} begins`);
        await new Promise(setImmediate);
        log.push(`${name} ends`);
        if (fails) {
          throw new Error(name);
        }
      });

    const ends = await Promise.allSettled([work("a1", true), work("a2"), work("b1")]);

    expect(ends.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(log.filter((line) => line.startsWith("a"))).toEqual([
      "a1 begins",
      "a1 ends",
      "a2 begins",
      "a2 ends",
    ]);
    expect(log.indexOf("b1 begins")).toBeLessThan(log.indexOf("a1 ends"));
  });
});
