import { expect, test } from "@jest/globals";
import { LockTable } from "../../src/workers/lock-table.ts";
import { within } from "../support/within.ts";

function setUp() {
  const locks = new LockTable<string>({ longest: 60_000, exceeded: () => undefined });
  const begun: string[] = [];
  const enter = (key: string, who: string) =>
    void locks.acquire(key, who).then(() => {
      begun.push(`${who} ${key}`);
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { locks, begun, enter, settle };
}

test("one worker at a time holds the lock of a key, in the order of their requests; other keys do not wait", async () => {
  const { locks, begun, enter, settle } = setUp();
  enter("a", "one");
  enter("a", "two");
  enter("a", "three");
  enter("b", "two");
  await settle();
  expect(begun).toEqual(["one a", "two b"]);

  locks.release("a", "one");
  await settle();
  expect(begun).toEqual(["one a", "two b", "two a"]);

  locks.release("a", "two");
  await settle();
  expect(begun.at(-1)).toBe("three a");
});

test("a worker that has ended loses its locks and its places in the queues", async () => {
  const { locks, begun, enter, settle } = setUp();
  enter("a", "one");
  enter("a", "two");
  enter("a", "three");
  locks.releaseAll("two");
  locks.releaseAll("one");
  await settle();

  expect(begun).toEqual(["one a", "three a"]);
});

test("a worker that leaves the queue releases the lock of no other worker", async () => {
  const { locks, begun, enter, settle } = setUp();
  enter("a", "one");
  enter("a", "two");
  locks.release("a", "two");
  enter("a", "three");
  await settle();
  expect(begun).toEqual(["one a"]);

  locks.release("a", "one");
  await settle();
  expect(begun).toEqual(["one a", "three a"]);
});

test("a lock that is held for too long is reported again and again, as long as others wait for it", async () => {
  const told: string[] = [];
  let heard: () => void = () => undefined;
  const twice = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const locks = new LockTable<string>({
    longest: 20,
    exceeded(holder) {
      told.push(holder);
      if (told.length === 2) {
        heard();
      }
    },
  });
  await locks.acquire("alone", "nobody waits for it");
  await locks.acquire("a", "one");
  const second = locks.acquire("a", "two");
  await within(twice, "to be told twice");
  locks.releaseAll("one");
  await second;

  expect(new Set(told)).toEqual(new Set(["one"]));
});
