import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { until, within } from "@combined-registry/deadline";

/** What to run, and how to call it in errors. */
export interface Command {
  readonly label: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where it runs. @default this process's working directory */
  readonly folder?: string;
}

const linesKept = 2000;
const patience = 15_000;

/** A program that runs until it is stopped. What it prints is kept, for those who wait for a line and for errors. */
export class Daemon implements AsyncDisposable {
  readonly pid: number;
  readonly #label: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  private constructor(label: string, child: ChildProcess, pid: number) {
    this.#label = label;
    this.#child = child;
    this.pid = pid;
    this.#exited = once(child, "exit").then(() => undefined);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) {
        createInterface(stream).on("line", (line) => this.#keep(line));
      }
    }
  }

  static async start({ label, program, args, env, folder }: Command): Promise<Daemon> {
    const child = spawn(program, args, { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    await within(`${label} to start`, patience, once(child, "spawn"));
    if (child.pid === undefined) {
      throw new Error(`${label} has no process id`);
    }
    return new Daemon(label, child, child.pid);
  }

  /**
   * Starts a program and waits until it answers; `ask` rejects as long as it does not.
   * @throws Error with what it printed, if it ends instead
   */
  static async answering(command: Command, ask: () => Promise<unknown>): Promise<Daemon> {
    const daemon = await Daemon.start(command);
    try {
      await until(`${command.label} to answer`, 30_000, async () => {
        if (daemon.exitCode !== null) {
          // Throws with what it printed; asking any longer would only hide that.
          await daemon.waitFor("an answer", () => undefined);
        }
        return ask().then(
          () => true,
          () => false,
        );
      });
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** Null while it runs and after a signal has ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /**
   * The first thing that `read` finds in a line, printed already (unless `fresh`) or to come.
   * @throws Error with what was printed, if the program ends or takes too long
   */
  async waitFor<T>(what: string, read: (line: string) => T | undefined, fresh = false): Promise<T> {
    let listener: (line: string) => void = () => undefined;
    const found = new Promise<T>((resolve) => {
      listener = (line) => {
        const value = read(line);
        if (value !== undefined) {
          resolve(value);
        }
      };
    });
    this.#listeners.add(listener);
    if (!fresh) {
      this.#lines.forEach(listener);
    }
    const ended = this.#exited.then((): never => {
      throw new Error(`${this.#label} ended (${this.exitCode})`);
    });
    try {
      return await within(`${what} from ${this.#label}`, patience, Promise.race([found, ended]));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${reason}; it printed:\n${this.#lines.slice(-20).join("\n")}`, { cause });
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Waits for it to end by itself. @returns its exit code, null after a signal */
  async ended(): Promise<number | null> {
    await within(`${this.#label} to end`, 60_000, this.#exited);
    return this.exitCode;
  }

  /** Asks it to end, and sees to it that it does. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return;
    }
    this.#child.kill("SIGTERM");
    try {
      await within(`${this.#label} to end`, patience, this.#exited);
    } catch (error) {
      this.#child.kill("SIGKILL");
      await this.#exited;
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > linesKept) {
      this.#lines.shift();
    }
    for (const listener of this.#listeners) {
      listener(line);
    }
  }
}
