import { stat } from "node:fs/promises";

/** Called with each file before it is read. The reader waits for it. */
export type BeforeRead = (path: string) => Promise<void>;

/**
 * Loads a configuration and watches its files. If loading fails, its files are watched beside the previous ones: a change to any of
 * them may solve the problem.
 * @param isWanted whether to watch at all; called without an argument after a failure
 */
export async function loadWatched<T>(
  watch: Watch,
  load: (beforeRead: BeforeRead) => Promise<T>,
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

/** Returns a text that differs after every change of the file. Does not read the file. */
export type Look = (path: string) => Promise<string>;

export interface WatchOptions {
  /** Milliseconds between looks. @default 2000 */
  readonly interval?: number;
  readonly look?: Look;
}

export interface Watch {
  /** Begins a new set of files. The previous ones are watched until the batch replaces or joins them. */
  begin(): Batch;
  stop(): void;
}

/** A set of files that are about to be read. */
export interface Batch {
  /** Records the current state of a file. Wait for it before reading the file, so that no change in between is missed. */
  add(file: string): Promise<void>;
  /** Watches this set instead of the previous one. */
  replace(): void;
  /** Watches this set and the previous one. */
  join(): void;
}

/**
 * Polls files. File system notifications do not come for bind mounts of single files, for network file systems, or for the symbolic
 * links that Kubernetes swaps. A change is reported once the file has stayed the same for a whole interval, so that a file that is being
 * written is not read.
 */
export function watchFiles(changed: (files: readonly string[]) => void, options: WatchOptions = {}): Watch {
  const { interval = 2_000, look = lookAt } = options;
  let known = new Map<string, string>();
  let before = known;
  let looking = false;

  const lookAll = async (files: Iterable<string>) =>
    new Map(await Promise.all([...files].map(async (path) => [path, await look(path)] as const)));

  const tick = async () => {
    if (looking) {
      return;
    }
    looking = true;
    const wanted = known;
    const now = await lookAll(wanted.keys());
    looking = false;
    if (wanted !== known) {
      return; // Other files are watched by now.
    }
    const settled = [...now].filter(([path, seen]) => seen !== known.get(path) && seen === before.get(path));
    before = now;
    if (settled.length > 0) {
      known = new Map([...known, ...settled]);
      changed(settled.map(([path]) => path));
    }
  };
  const timer = setInterval(() => void tick(), interval);
  timer.unref();

  const begin = (): Batch => {
    const seen = new Map<string, string>();
    const watchThese = (files: Map<string, string>) => {
      known = files;
      before = known;
    };
    return {
      async add(file) {
        seen.set(file, await look(file));
      },
      replace: () => watchThese(seen),
      join: () => watchThese(new Map([...known, ...seen])),
    };
  };
  return { begin, stop: () => clearInterval(timer) };
}

async function lookAt(path: string): Promise<string> {
  try {
    const found = await stat(path);
    // Reading a pipe changes it, and a pipe can be read only once.
    return found.isFIFO() ? "a pipe" : [found.mtimeMs, found.size, found.ino, found.dev].join(" ");
  } catch {
    return "not there";
  }
}
