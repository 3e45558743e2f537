import { type Watch, watchFiles } from "../../src/lifecycle/watch.ts";
import { within } from "./within.ts";

/** A watch whose changes a test takes one after the other. */
export interface Watching extends Watch, Disposable {
  /** Those not taken yet. */
  readonly told: readonly (readonly string[])[];
  next(): Promise<readonly string[]>;
  /** Watches these beside what is watched already. */
  also(...files: readonly string[]): Promise<void>;
}

export function watching(interval = 20): Watching {
  const told: (readonly string[])[] = [];
  let arrived: () => void = () => undefined;
  const watch = watchFiles(
    (files) => {
      told.push(files);
      arrived();
    },
    { interval },
  );
  return {
    ...watch,
    told,
    async next() {
      if (told.length === 0) {
        const change = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        await within(change, "a change to be noticed");
      }
      return told.shift() ?? [];
    },
    async also(...files) {
      const batch = watch.begin();
      for (const file of files) {
        await batch.add(file);
      }
      batch.join();
    },
    [Symbol.dispose]: () => watch.stop(),
  };
}
