import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { prepare } from "../../src/lifecycle/loaded-config.ts";
import { packParcel } from "../../src/workers/config-message.ts";
import { type Follower, prepareAll } from "../../src/workers/lifecycle.ts";
import { load } from "../support/load.ts";

function follower(number: number, answer: Promise<never>): Follower {
  const ended = Promise.resolve({ code: 0, signal: null });
  return { number, pid: 1, listens: true, ended, ask: () => answer, kill: async () => undefined };
}

test("a reload that is refused has ended only when every worker has answered", async () => {
  const config = await load({
    argv: ["--hosted", "http://127.0.0.1:1", "--proxy", "http://127.0.0.1:2"],
    folder: "/",
  });
  const parcel = packParcel(await prepare(config, async () => undefined), "test");
  const heard: string[] = [];
  let answer: () => void = () => undefined;
  const slow = new Promise<never>((_, reject) => {
    answer = () => {
      heard.push("slow");
      reject(new Error("no such rule"));
    };
  });
  const quick = Promise.reject(new Error("no such rule"));

  const prepared = prepareAll(
    [follower(1, quick), follower(2, slow)],
    parcel,
    pino({ level: "silent" }),
  ).catch((error: Error) => heard.push(error.message));
  setImmediate(answer);
  await prepared;

  expect(heard).toEqual(["slow", "no such rule"]);
});
