import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { within } from "@combined-registry/deadline";
import { searchPath } from "./search-path.ts";

/** A program at a terminal of its own, as `script` makes one. */
export interface Terminal extends AsyncDisposable {
  /** All that it has shown, as it came. */
  readonly raw: string;
  /** Waits until this is shown, after what was waited for before. */
  shows(text: string): Promise<void>;
  /** Types. */
  type(keys: string): void;
  /** Its exit code, once it has ended. */
  ended(): Promise<number | null>;
}

/** Where and how a program runs. */
export interface TerminalOptions {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

const patience = 20_000;

/** Starts a program at a terminal. */
export function startAtTerminal(command: readonly string[], { folder, env = {} }: TerminalOptions): Terminal {
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = spawn("script", ["-qefc", `stty cols 200 rows 50; exec ${words}`, "/dev/null"], {
    cwd: folder,
    env: { PATH: searchPath, TERM: "xterm", HOME: folder, SHELL: "/bin/sh", ...env },
  });
  let raw = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    raw += data;
  });
  const over = once(child, "close");
  return {
    get raw() {
      return raw;
    },
    async shows(text) {
      const find = async () => {
        for (;;) {
          const shown = stripVTControlCharacters(raw);
          const at = shown.indexOf(text, seen);
          if (at >= 0) {
            seen = at + text.length;
            return;
          }
          const [what] = await Promise.race([once(child.stdout, "data"), over.then(() => ["end"])]);
          if (what === "end" && !stripVTControlCharacters(raw).includes(text, seen)) {
            throw new Error(`it ended without showing "${text}":\n${shown}`);
          }
        }
      };
      await within(`"${text}" at the terminal`, patience, find()).catch((error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : error}\n${JSON.stringify(raw)}`);
      });
    },
    type: (keys) => void child.stdin.write(keys),
    async ended() {
      const [code]: (number | null)[] = await within("the program to end", patience, over);
      return code ?? null;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await over;
      }
    },
  };
}
