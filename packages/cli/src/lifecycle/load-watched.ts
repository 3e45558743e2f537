import type { Watch } from "./watch.ts";

/** To be told of every file, and waited for, before it is read. */
export type Reading = (path: string) => Promise<void>;

/**
 * Loads what rests on files, and watches them. If it cannot be loaded, its files are watched beside those of before: what
 * was missing may come, and what was wrong may be put right.
 * @param isWanted whether to watch at all; without an argument, after a failure
 */
export async function loadWatched<T>(
  watch: Watch,
  load: (reading: Reading) => Promise<T>,
  isWanted: (loaded?: T) => boolean,
): Promise<T> {
  const files = watch.begin();
  try {
    const loaded = await load((path) => files.add(path));
    (isWanted(loaded) ? files : watch.begin()).replace();
    return loaded;
  } catch (error) {
    if (isWanted()) {
      files.join();
    }
    throw error;
  }
}
