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

describe("the cache of hosted's repositories", () => {
  it("keeps existing ones for half a minute, and missing ones for five seconds", () => {
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

describe("a lookup", () => {
  it("is shared by concurrent requests for the same repository", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    const answer = later();
    const ask = jest.fn(() => answer.promise);
    const all = [1, 2, 3].map(() => memory.query("a", ask, same));
    answer.resolve(false);

    expect(await Promise.all(all)).toEqual([false, false, false]);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(memory.has("a")).toBe(false);
  });

  it("is not cached if a push happens meanwhile", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    const answer = later();
    const asking = memory.query("a", () => answer.promise, same);
    memory.learn("a", true);
    answer.resolve(false);
    await asking;

    expect(memory.has("a")).toBe(true);
  });

  it("is not cached if a delete happens meanwhile", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    const answer = later();
    const asking = memory.query("a", () => answer.promise, same);
    memory.forget("a");
    answer.resolve(true);
    await asking;

    expect(memory.has("a")).toBeUndefined();
  });

  it("that failed is not cached, and the next request makes a new one", async () => {
    const memory = new RepositoryCache<boolean | undefined>();
    await memory.query("a", () => Promise.resolve(undefined), same);
    await expect(memory.query("a", () => Promise.reject(new Error("no")), same)).rejects.toThrow("no");

    expect(memory.has("a")).toBeUndefined();
    expect(await memory.query("a", () => Promise.resolve(true), same)).toBe(true);
  });
});
