import { describe, expect, it } from "@jest/globals";
import { Semaphore } from "../../src/concurrency/semaphore.ts";
import { ClientAborted } from "../../src/errors.ts";

const stays = new AbortController().signal;

describe("a semaphore", () => {
  it("lets as many in as it has slots, and the others in order", async () => {
    const semaphore = new Semaphore(2);
    const entered: number[] = [];
    const enter = (number: number) => semaphore.acquire(stays).then(() => entered.push(number));
    const all = [1, 2, 3, 4].map(enter);
    await Promise.all(all.slice(0, 2));
    expect(entered).toEqual([1, 2]);

    semaphore.release();
    await all[2];
    semaphore.release();
    await all[3];

    expect(entered).toEqual([1, 2, 3, 4]);
  });

  it("is full when no slot is free and the queue is full", () => {
    const semaphore = new Semaphore(1, 1);
    expect([semaphore.isFull, semaphore.tryAcquire(), semaphore.isFull]).toEqual([false, true, false]);

    void semaphore.acquire(stays);

    expect([semaphore.isFull, semaphore.tryAcquire()]).toEqual([true, false]);
  });

  it("gives the place of a waiter whose signal aborts back at once, and passes it over", async () => {
    const semaphore = new Semaphore(1, 1);
    const leaving = new AbortController();
    semaphore.tryAcquire();
    const left = semaphore.acquire(leaving.signal);
    leaving.abort();
    expect(semaphore.isFull).toBe(false);
    const next = semaphore.acquire(stays);
    semaphore.release();

    await expect(left).rejects.toThrow(ClientAborted);
    await expect(next).resolves.toBeUndefined();
  });

  it("takes no slot for a signal that is aborted already", async () => {
    const semaphore = new Semaphore(1);

    await expect(semaphore.acquire(AbortSignal.abort())).rejects.toThrow(ClientAborted);
    expect(semaphore.tryAcquire()).toBe(true);
  });

  it("frees the slot of work that fails", async () => {
    const semaphore = new Semaphore(1, 0);
    const failing = () => Promise.reject(new Error("no"));

    await expect(semaphore.run(stays, failing)).rejects.toThrow("no");
    await expect(semaphore.tryRun(failing)).rejects.toThrow("no");
    expect(await semaphore.tryRun(() => Promise.resolve("done"))).toBe("done");
  });

  it("does not run work that finds no slot free", async () => {
    const semaphore = new Semaphore(1);
    semaphore.tryAcquire();

    expect(await semaphore.tryRun(() => Promise.resolve("done"))).toBeUndefined();
  });
});
