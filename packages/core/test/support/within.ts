import * as deadline from "@combined-registry/deadline";

/** Waits for something, and fails with a sentence when it does not come in time. */
export const within = <T>(milliseconds: number, label: string, work: Promise<T>): Promise<T> =>
  deadline.within(label, milliseconds, work);

/** Waits until a condition holds; looks every few milliseconds. */
export const until = (
  milliseconds: number,
  label: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> => deadline.until(label, milliseconds, holds);
