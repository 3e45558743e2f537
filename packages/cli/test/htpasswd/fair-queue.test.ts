import { describe, expect, test } from "@jest/globals";
import { FairQueue } from "../../src/htpasswd/fair-queue.ts";
import { within } from "../support/within.ts";

/** A queue, the tasks that have begun in turn, and a way to end the one that began first. */
function setUp({ concurrent = 1, waiting = 100, waitingEach = 100 } = {}) {
  const queue = new FairQueue({ concurrent, waiting, waitingEach });
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const run = (name: string) =>
    queue.run(
      name.slice(0, 1),
      () =>
        new Promise<string>((resolve) => {
          begun.push(name);
          ends.push(() => resolve(`end of ${name}`));
        }),
    );
  const endNext = async () => {
    ends.shift()?.();
    await new Promise((next) => setImmediate(next));
  };
  return { queue, begun, run, endNext };
}

describe("a fair queue", () => {
  test("runs no more tasks at a time than it may", async () => {
    const { begun, run, endNext } = setUp({ concurrent: 2 });
    for (const name of ["a1", "a2", "a3", "a4"]) {
      void run(name);
    }
    expect(begun).toEqual(["a1", "a2"]);
    await endNext();
    expect(begun).toEqual(["a1", "a2", "a3"]);
  });

  test("lets the sources take turns", async () => {
    const { begun, run, endNext } = setUp();
    for (const name of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) {
      void run(name);
    }
    for (let ended = 0; ended < 7; ended += 1) {
      await endNext();
    }
    expect(begun).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
  });

  test("has no room for too many of one source, and then still for others", () => {
    const { run } = setUp({ waitingEach: 2 });
    const taken = ["a1", "a2", "a3", "a4", "b1", "b2", "b3"].map((name) => run(name) !== undefined);
    expect(taken).toEqual([true, true, true, false, true, true, false]);
  });

  test("has no room for too many of all sources, until one has had its turn", async () => {
    const { run, endNext } = setUp({ waiting: 2 });
    const taken = ["a1", "b1", "c1", "d1"].map((name) => run(name) !== undefined);
    expect(taken).toEqual([true, true, true, false]);
    await endNext();
    expect([run("d1") !== undefined, run("e1") !== undefined]).toEqual([true, false]);
  });

  test("hands on results and failures, and goes on after both", async () => {
    const { queue, run, endNext } = setUp();
    const first = run("a1");
    const failing = queue.run("a", async () => {
      throw new Error("out of order");
    });
    const last = run("a2");
    await endNext();
    expect(await within(first ?? Promise.reject(), "the first")).toBe("end of a1");
    await within(expect(failing).rejects.toThrow("out of order"), "the failure");
    await endNext();
    expect(await within(last ?? Promise.reject(), "the last")).toBe("end of a2");
  });
});
