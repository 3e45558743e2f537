import type { Watch } from "./watch.ts";

/** What is loaded, and the files that it rests on. */
export interface WatchedLoad<T> {
  load(): Promise<T>;
  filesOf(loaded: T): readonly string[];
}

/**
 * Loads what rests on files, each of them watched from before it was read, so that no change in between is missed. Which
 * files they are is only known afterwards: `likely` says which they were the last time, and if they are others now, all
 * are read again.
 */
export async function loadWatched<T>(
  watch: Watch,
  likely: readonly string[],
  { load, filesOf }: WatchedLoad<T>,
): Promise<T> {
  await watch.reset(likely);
  const loaded = await load();
  const files = filesOf(loaded);
  return files.join("\0") === likely.join("\0") ? loaded : loadWatched(watch, files, { load, filesOf });
}
