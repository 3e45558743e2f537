import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits for a promise, but not for ever.
 * @param label what is waited for, as the error will say it
 * @param milliseconds how long
 */
export async function within<T>(label: string, milliseconds: number, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = async (): Promise<never> => {
    await pause(milliseconds, undefined, { signal: over.signal });
    throw new Error(`waited ${milliseconds} ms for ${label}`);
  };
  try {
    return await Promise.race([promise, late()]);
  } finally {
    over.abort();
  }
}

const betweenAttempts = 25;

/**
 * Asks again and again until the answer is yes. For what announces itself by nothing but its state: a port
 * that answers, a process that is gone.
 */
export async function until(
  label: string,
  milliseconds: number,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`waited ${milliseconds} ms for ${label}`);
    }
    await pause(betweenAttempts);
  }
}
