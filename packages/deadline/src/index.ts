import { setTimeout as pause } from "node:timers/promises";

/**
 * How many times as long as usual everything may take: `TEST_TIME_FACTOR`, for a machine that is slow or busy. jest's own
 * deadlines grow by it too (`scripts/jest-environment.js`).
 * @throws Error unless it is a positive number
 */
export const timeFactor = factorOf(process.env.TEST_TIME_FACTOR);

function factorOf(text: string | undefined): number {
  const factor = Number(text || 1);
  if (!(factor > 0 && Number.isFinite(factor))) {
    throw new Error(`TEST_TIME_FACTOR has to be a positive number, not ${text}`);
  }
  return factor;
}

/** A time limit on this machine. @param milliseconds as it is on a machine with two cores for itself */
export function allowed(milliseconds: number): number {
  return milliseconds * timeFactor;
}

/**
 * Waits for a promise, but not for ever.
 * @param label what is waited for, as the error will say it
 * @param milliseconds how long, before `timeFactor`
 */
export async function within<T>(label: string, milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error(`waited ${allowed(milliseconds)} ms for ${label}`));
    timer = setTimeout(fail, allowed(milliseconds));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const betweenAttempts = 10;

/**
 * Asks again and again until the answer is yes. For what announces itself by nothing but its state: a port
 * that answers, a process that is gone.
 * @param milliseconds how long, before `timeFactor`
 */
export async function until(
  label: string,
  milliseconds: number,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = performance.now() + allowed(milliseconds);
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`waited ${allowed(milliseconds)} ms for ${label}`);
    }
    await pause(betweenAttempts);
  }
}
