import { expect, test } from "@jest/globals";
import { createCryptThread } from "../../src/htpasswd/verify.ts";
import { within } from "../support/within.ts";

// The real script runs in the tests of the built program; this one stands for any, and dies on demand.
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", ({ id, hash, password }) => {
      if (password === "throw") throw new Error("out of order");
      if (password === "exit") process.exit(1);
      parentPort.postMessage({ id, right: hash.text === password });
    });
  `)}`,
);
const hash = { kind: "crypt", text: "right" } as const;

test("each question gets its own answer", async () => {
  const check = createCryptThread(script);
  const verdicts = Promise.all([check(hash, "right"), check(hash, "wrong"), check(hash, "right")]);
  expect(await within(verdicts, "the answers")).toEqual([true, false, true]);
});

test.each([
  ["throw", "out of order"],
  ["exit", "the thread that checks passwords has ended"],
])("a thread that dies by %s fails what it was asked, and is replaced", async (password, message) => {
  const check = createCryptThread(script);
  await within(expect(check(hash, password)).rejects.toThrow(message), "the failure");
  expect(await within(check(hash, "right"), "the next answer")).toBe(true);
  expect(await within(check(hash, "wrong"), "the one after")).toBe(false);
});
