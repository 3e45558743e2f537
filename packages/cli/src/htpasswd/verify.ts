import { Worker } from "node:worker_threads";
import { verify as verifyBcrypt } from "@node-rs/bcrypt";
import type { VerifyRequest, VerifyResponse } from "./crypt-worker.ts";
import type { PasswordHash } from "./file.ts";

export type VerifyHash = (hash: PasswordHash, password: string) => Promise<boolean>;

interface Waiting {
  resolve(right: boolean): void;
  reject(error: Error): void;
}

/**
 * Checks passwords in a worker thread. The thread starts with the first password, keeps the process alive only during a check, and is
 * replaced if it dies.
 */
export function createCryptThread(script: URL = new URL("./crypt-worker.js", import.meta.url)): VerifyHash {
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let lastId = 0;

  const start = () => {
    const worker = new Worker(script);
    worker.on("message", ({ id, right }: VerifyResponse) => {
      waiting.get(id)?.resolve(right);
      waiting.delete(id);
      if (waiting.size === 0) {
        worker.unref();
      }
    });
    worker.on("error", (error: Error) => abandon(worker, error));
    worker.on("exit", () => abandon(worker, new Error("the thread that checks passwords has ended")));
    return worker;
  };

  const abandon = (worker: Worker, error: Error) => {
    if (thread !== worker) {
      return; // "exit" follows "error", and by then another thread may have started.
    }
    thread = undefined;
    for (const { reject } of waiting.values()) {
      reject(error);
    }
    waiting.clear();
  };

  return (hash, password) =>
    new Promise((resolve, reject) => {
      thread ??= start();
      thread.ref();
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      thread.postMessage({ id: lastId, hash, password } satisfies VerifyRequest);
    });
}

/** Checks hashes of every kind without blocking the event loop. */
export function createVerifyHash(checkCrypt: VerifyHash = createCryptThread()): VerifyHash {
  return (hash, password) =>
    hash.kind === "bcrypt" ? verifyBcrypt(password, hash.text) : checkCrypt(hash, password);
}
