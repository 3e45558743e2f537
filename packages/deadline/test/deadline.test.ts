import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { allowed, timeFactor, until, within } from "@combined-registry/deadline";
import { describe, expect, it } from "@jest/globals";

const never = new Promise<never>(() => undefined);
const source = new URL("../dist/index.js", import.meta.url).href;

describe("a deadline", () => {
  it("says what was waited for, and for how long", async () => {
    await expect(within("a bus", 1, never)).rejects.toThrow(`waited ${allowed(1)} ms for a bus`);
    await expect(until("a bus", 1, () => false)).rejects.toThrow(`waited ${allowed(1)} ms for a bus`);
  });

  it("changes nothing about what comes in time", async () => {
    let asked = 0;

    expect(await within("a promise", 10_000, Promise.resolve("value"))).toBe("value");
    await expect(within("a promise", 10_000, Promise.reject(new Error("own")))).rejects.toThrow("own");
    await until("a third time", 10_000, () => ++asked === 3);
    expect(asked).toBe(3);
  });

  it("grows by TEST_TIME_FACTOR", () => {
    expect(timeFactor).toBe(Number(process.env.TEST_TIME_FACTOR || 1));
    expect(allowed(200)).toBe(200 * timeFactor);
  });

  it.each([
    ["2.5", "250\n"],
    ["", "100\n"],
  ])("with TEST_TIME_FACTOR=%s", async (factor, said) => {
    expect((await say(factor)).stdout).toBe(said);
  });

  it.each(["0", "-1", "fast", "Infinity"])("refuses TEST_TIME_FACTOR=%s", async (factor) => {
    await expect(say(factor)).rejects.toThrow(`TEST_TIME_FACTOR has to be a positive number, not ${factor}`);
  });
});

function say(factor: string) {
  const script = `import { allowed } from ${JSON.stringify(source)}; console.log(allowed(100));`;
  const env = { ...process.env, TEST_TIME_FACTOR: factor };
  return promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { env });
}
