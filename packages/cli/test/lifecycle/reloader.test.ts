import { expect, test } from "@jest/globals";
import { Reloader } from "../../src/lifecycle/reloader.ts";

test("reloads come one after the other, and those asked for during one are one", async () => {
  const reasons: string[] = [];
  const finish: (() => void)[] = [];
  const reloader = new Reloader();
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  reloader.request("before there was anything to reload");
  reloader.request("first");
  expect(reasons).toEqual([]);
  reloader.start((reason) => {
    reasons.push(reason);
    return new Promise((resolve) => finish.push(resolve));
  });
  reloader.request("second");
  reloader.request("third");
  await turn();
  expect(reasons).toEqual(["first"]);
  finish.shift()?.();
  await turn();
  expect(reasons).toEqual(["first", "third"]);
  finish.shift()?.();
  await turn();
  reloader.request("fourth");
  await turn();
  expect(reasons).toEqual(["first", "third", "fourth"]);
});
