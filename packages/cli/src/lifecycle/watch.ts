import { stat } from "node:fs/promises";

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
  /** Takes files as they are now for unchanged; these from now on. */
  reset(files: readonly string[]): Promise<void>;
  stop(): void;
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

  return {
    async reset(files) {
      known = await lookAll(files);
      before = known;
    },
    stop: () => clearInterval(timer),
  };
}

async function lookAt(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino, dev } = await stat(path);
    return [mtimeMs, size, ino, dev].join(" ");
  } catch {
    return "not there";
  }
}
