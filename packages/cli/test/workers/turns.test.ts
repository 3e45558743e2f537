import { expect, test } from "@jest/globals";
import { WorkerTurns } from "../../src/workers/lock-table.ts";
import { within } from "../support/within.ts";

function setUp() {
  const turns = new WorkerTurns<string>({ longest: 60_000, over: () => undefined });
  const begun: string[] = [];
  const enter = (key: string, who: string) =>
    void turns.enter(key, who).then(() => {
      begun.push(`${who} ${key}`);
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { turns, begun, enter, settle };
}

test("one worker at a time has the turn for a key, in the order in which they asked; other keys do not wait", async () => {
  const { turns, begun, enter, settle } = setUp();
  enter("a", "one");
  enter("a", "two");
  enter("a", "three");
  enter("b", "two");
  await settle();
  expect(begun).toEqual(["one a", "two b"]);

  turns.exit("a", "one");
  await settle();
  expect(begun).toEqual(["one a", "two b", "two a"]);

  turns.exit("a", "two");
  await settle();
  expect(begun.at(-1)).toBe("three a");
});

test("a worker that has ended loses its turn and its place in the queues", async () => {
  const { turns, begun, enter, settle } = setUp();
  enter("a", "one");
  enter("a", "two");
  enter("a", "three");
  turns.leave("two");
  turns.leave("one");
  await settle();

  expect(begun).toEqual(["one a", "three a"]);
});

test("whoever gives up its place without having had the turn ends nobody else's", async () => {
  const { turns, begun, enter, settle } = setUp();
  enter("a", "one");
  enter("a", "two");
  turns.exit("a", "two");
  enter("a", "three");
  await settle();
  expect(begun).toEqual(["one a"]);

  turns.exit("a", "one");
  await settle();
  expect(begun).toEqual(["one a", "three a"]);
});

test("a turn that is long over is told of, again and again, as long as others wait for it", async () => {
  const told: string[] = [];
  let heard: () => void = () => undefined;
  const twice = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const turns = new WorkerTurns<string>({
    longest: 20,
    over(holder) {
      told.push(holder);
      if (told.length === 2) {
        heard();
      }
    },
  });
  await turns.enter("alone", "nobody waits for it");
  await turns.enter("a", "one");
  const second = turns.enter("a", "two");
  await within(twice, "to be told twice");
  turns.leave("one");
  await second;

  expect(new Set(told)).toEqual(new Set(["one"]));
});
