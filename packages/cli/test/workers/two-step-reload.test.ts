import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { loadFiles } from "../../src/lifecycle/loaded-config.ts";
import { serializeConfig } from "../../src/workers/config-message.ts";
import { prepareAll, type Reloadable } from "../../src/workers/lifecycle.ts";
import { load } from "../support/load.ts";

function follower(number: number, answer: Promise<never>): Reloadable {
  const exited = Promise.resolve({ code: 0, signal: null });
  return { number, pid: 1, listens: true, exited, call: () => answer, kill: async () => undefined };
}

test("a reload that is refused has ended only when every worker has answered", async () => {
  const config = await load({
    argv: ["--hosted", "http://127.0.0.1:1", "--proxy", "http://127.0.0.1:2"],
    folder: "/",
  });
  const message = serializeConfig(await loadFiles(config, async () => undefined), "test");
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
    message,
    pino({ level: "silent" }),
  ).catch((error: Error) => heard.push(error.message));
  setImmediate(answer);
  await prepared;

  expect(heard).toEqual(["slow", "no such rule"]);
});
