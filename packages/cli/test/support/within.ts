import * as deadline from "@combined-registry/deadline";

/** Waits, but not for ever: fails with what was waited for. */
export const within = <T>(awaited: Promise<T>, label: string, milliseconds = 10_000): Promise<T> =>
  deadline.within(label, milliseconds, awaited);
