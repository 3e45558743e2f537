import { expect, test } from "@jest/globals";
import { RestartBackoff } from "../../src/workers/lifecycle.ts";

test("a dead worker is replaced at once, and those that die soon in the same place later and later", () => {
  const backoff = new RestartBackoff();

  const delays = Array.from({ length: 9 }, () => backoff.after(1, 100));

  expect(delays).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(backoff.after(2, 100)).toBe(0);
});

test("one that has lived for a while begins anew", () => {
  const backoff = new RestartBackoff();
  backoff.after(1, 100);
  backoff.after(1, 100);

  expect([backoff.after(1, 60_000), backoff.after(1, 100)]).toEqual([0, 500]);
});
