import { describe, expect, jest, test } from "@jest/globals";
import { createProgress, showsProgress } from "../../src/report/progress.ts";

describe("progress", () => {
  test.each<[string, NodeJS.ProcessEnv, boolean, boolean]>([
    ["on a terminal", {}, true, true],
    ["not into a file", {}, false, false],
    ["not with NO_COLOR", { NO_COLOR: "1" }, true, false],
    ["with an empty NO_COLOR, which is none", { NO_COLOR: "" }, true, true],
    ["not where CI says so", { CI: "true" }, true, false],
    ["not on a terminal that cannot", { TERM: "dumb" }, true, false],
  ])("is shown %s", (_, environment, isTerminal, expected) => {
    expect(showsProgress(environment, isTerminal)).toBe(expected);
  });

  test("says how long it takes, and takes its line back", async () => {
    jest.useFakeTimers();
    try {
      const lines: string[] = [];
      const progress = createProgress((text) => lines.push(text), true);
      let finish: (value: string) => void = () => undefined;
      const work = new Promise<string>((resolve) => {
        finish = resolve;
      });
      const shown = progress.during("asking everybody", work);
      jest.advanceTimersByTime(2_000);
      finish("done");
      expect(await shown).toBe("done");
      const restart = "\r\u001b[2K";
      expect(lines).toEqual([
        `${restart}asking everybody... `,
        `${restart}asking everybody... 1 s`,
        `${restart}asking everybody... 2 s`,
        restart,
      ]);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test("takes its line back when the work fails", async () => {
    const lines: string[] = [];
    const progress = createProgress((text) => lines.push(text), true);
    await expect(progress.during("asking", Promise.reject(new Error("nobody")))).rejects.toThrow("nobody");
    expect(lines.at(-1)).toBe("\r\u001b[2K");
  });
});
