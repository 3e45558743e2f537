import { stat } from "node:fs/promises";

/** To be told of every file, and waited for, before it is read. */
export type BeforeRead = (path: string) => Promise<void>;

/**
 * Loads what rests on files, and watches them. If it cannot be loaded, its files are watched beside those of before: what
 * was missing may come, and what was wrong may be put right.
 * @param isWanted whether to watch at all; without an argument, after a failure
 */
export async function loadWatched<T>(
  watch: Watch,
  load: (reading: BeforeRead) => Promise<T>,
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

/** What there is to know of a file without reading it; anything else after any change. */
export type Look = (path: string) => Promise<string>;

/** How files are watched. */
export interface WatchOptions {
  /** Milliseconds between looks. @default 2000 */
  readonly interval?: number;
  readonly look?: Look;
}

/** Watching that can be ended. */
export interface Watch {
  /** Begins with other files. Those of before are watched until it is decided what becomes of these. */
  begin(): Batch;
  stop(): void;
}

/** Files that are read one after the other. */
export interface Batch {
  /** Takes a file as it is now for unchanged. To be waited for before it is read, so that no change in between is missed. */
  add(file: string): Promise<void>;
  /** Watches these in place of those of before. */
  replace(): void;
  /** Watches these beside those of before. */
  join(): void;
}

/**
 * Looks at files every now and then. Not by the system's notifications, which do not come for bind mounts of single files,
 * for network file systems, or for the symbolic links that Kubernetes swaps. A change is told of once a file has stayed the
 * same for a whole interval, so that one half written is not read.
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
      return; // Other files are watched since.
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
    // A pipe changes by being read, and has nothing more to say then.
    return found.isFIFO() ? "a pipe" : [found.mtimeMs, found.size, found.ino, found.dev].join(" ");
  } catch {
    return "not there";
  }
}
