import { describe, expect, it, jest } from "@jest/globals";
import { RepositoryCache } from "../../src/cache/repositories.ts";

const same = (answer: boolean | undefined) => answer;

/** An answer that comes when the test wants it. */
function later() {
  let resolve: (answer: boolean) => void = () => undefined;
  const promise = new Promise<boolean | undefined>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe("what hosted has", () => {
  it("is remembered for half a minute, and what it has not for five seconds", () => {
    let now = 1_000;
    const memory = new RepositoryCache<boolean>({ now: () => now });
    memory.learn("here", true);
    memory.learn("away", false);

    expect([memory.has("here"), memory.has("away"), memory.has("other")]).toEqual([true, false, undefined]);
    now += 5_001;
    expect([memory.has("here"), memory.has("away")]).toEqual([true, undefined]);
    now += 25_000;
    expect(memory.has("here")).toBeUndefined();
  });

  it("is bounded", () => {
    const memory = new RepositoryCache<boolean>();
    for (let index = 0; index <= 20_000; index++) {
      memory.learn(`r${index}`, true);
    }

    expect([memory.has("r0"), memory.has("r20000")]).toEqual([undefined, true]);
  });
});

describe("asking", () => {
  it("is shared by those who want to know the same at once", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    const answer = later();
    const ask = jest.fn(() => answer.promise);
    const all = [1, 2, 3].map(() => memory.ask("a", ask, same));
    answer.resolve(false);

    expect(await Promise.all(all)).toEqual([false, false, false]);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(memory.has("a")).toBe(false);
  });

  it("teaches nothing if it is overtaken by a push", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    const answer = later();
    const asking = memory.ask("a", () => answer.promise, same);
    memory.learn("a", true);
    answer.resolve(false);
    await asking;

    expect(memory.has("a")).toBe(true);
  });

  it("teaches nothing if it is overtaken by a delete", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    const answer = later();
    const asking = memory.ask("a", () => answer.promise, same);
    memory.forget("a");
    answer.resolve(true);
    await asking;

    expect(memory.has("a")).toBeUndefined();
  });

  it("that came to nothing is not remembered, and the next one asks anew", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    await memory.ask("a", () => Promise.resolve(undefined), same);
    await expect(memory.ask("a", () => Promise.reject(new Error("no")), same)).rejects.toThrow("no");

    expect(memory.has("a")).toBeUndefined();
    expect(await memory.ask("a", () => Promise.resolve(true), same)).toBe(true);
  });
});
