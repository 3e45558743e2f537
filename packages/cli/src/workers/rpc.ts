import type { Worker } from "node:cluster";
import type { ManifestChange, MetricsSnapshot } from "@combined-registry/core";
import { Failure, messageOf } from "../failure.ts";
import type { Finding } from "../htpasswd/passwords.ts";
import type { Ended } from "../lifecycle/finish.ts";
import type { Prepared } from "../lifecycle/loaded-config.ts";

/** What one end may ask the other: by name, the question and its answer. Everything goes through the structured clone. */
export type Questions = Readonly<Record<string, { readonly question: unknown; readonly answer: unknown }>>;

/** How one end answers what the other asks. */
export type Answers<Q extends Questions> = {
  readonly [Name in keyof Q]: (
    question: Q[Name]["question"],
  ) => Q[Name]["answer"] | Promise<Q[Name]["answer"]>;
};

/** The other end is a process that has ended, or is about to. */
export class LineGone extends Error {
  override readonly name = "LineGone";
}

/** The other end has not answered in time. */
export class LineLate extends Error {
  override readonly name = "LineLate";
}

interface Failed {
  readonly answerTo: number;
  readonly failed: { readonly message: string; readonly exitCode?: 1 | 2 };
}

type Sent =
  | { readonly ask: string; readonly id: number; readonly question: unknown }
  | { readonly answerTo: number; readonly answer: unknown }
  | Failed;

/** The other end is of the same build: what it sends under a name is what that name stands for. */
type Received<Told extends Questions> =
  | { readonly ask: keyof Told; readonly id: number; readonly question: never }
  | { readonly answerTo: number; readonly answer: never }
  | Failed;

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

/**
 * The line between the primary and a worker, from either end: questions and answers over the channel that Node gives them.
 * `Asked` is what this end asks, `Told` what the other end does.
 */
export class Line<Asked extends Questions, Told extends Questions> {
  readonly #worker: Worker;
  readonly #answers: Answers<Told>;
  readonly #hears: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #gone = false;

  /** @param hears resolves when the other end listens; what is asked before waits for it */
  constructor(worker: Worker, answers: Answers<Told>, hears: Promise<unknown> = Promise.resolve()) {
    this.#worker = worker;
    this.#answers = answers;
    this.#hears = hears;
    worker.on("message", (message: Received<Told>) => void this.#receive(message));
    for (const end of ["disconnect", "exit"] as const) {
      worker.on(end, () => this.#end());
    }
  }

  /**
   * @param within milliseconds; without it, as long as it takes
   * @throws LineGone, LineLate, or what the other end failed with: a Failure stays one
   */
  ask<Name extends keyof Asked & string>(
    ask: Name,
    question: Asked[Name]["question"],
    within?: number,
  ): Promise<Asked[Name]["answer"]> {
    if (this.#gone) {
      return Promise.reject(new LineGone());
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () => this.#take(id)?.reject(new LineLate(`no answer within ${within} ms`));
      const timer = within === undefined ? undefined : setTimeout(late, within);
      this.#waiting.set(id, {
        resolve(answer) {
          clearTimeout(timer);
          resolve(answer);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      void this.#hears.then(() => {
        if (this.#waiting.has(id)) {
          this.#send({ ask, id, question }, (error) => this.#take(id)?.reject(error));
        }
      });
    });
  }

  /** Asks what has no answer, or none that matters. */
  tell<Name extends keyof Asked & string>(ask: Name, question: Asked[Name]["question"]): void {
    this.ask(ask, question).catch(() => undefined);
  }

  async #receive(message: Received<Told>): Promise<void> {
    if ("ask" in message) {
      const { ask, id, question } = message;
      try {
        this.#send({ answerTo: id, answer: await this.#answers[ask](question) });
      } catch (error) {
        const exitCode = error instanceof Failure ? { exitCode: error.exitCode } : {};
        this.#send({ answerTo: id, failed: { message: messageOf(error), ...exitCode } });
      }
      return;
    }
    const waiting = this.#take(message.answerTo);
    if ("failed" in message) {
      const { message: sentence, exitCode } = message.failed;
      waiting?.reject(exitCode === undefined ? new Error(sentence) : new Failure(exitCode, sentence));
    } else {
      waiting?.resolve(message.answer);
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #send(message: Sent, failed: (error: Error) => void = () => undefined): void {
    try {
      // With a callback, a channel that is closed is no event of the whole process.
      this.#worker.send(message, undefined, undefined, (error) => {
        if (error) {
          failed(new LineGone());
        }
      });
    } catch (error) {
      // What cannot be cloned.
      failed(new Error(messageOf(error)));
    }
  }

  #end(): void {
    this.#gone = true;
    for (const id of [...this.#waiting.keys()]) {
      this.#take(id)?.reject(new LineGone());
    }
  }
}

/** A configuration on its way to a worker. */
export interface Parcel {
  /** Without what only the primary needs, and without functions: these cannot be sent. */
  readonly prepared: Prepared;
  /** The script to run for the configuration's `authorize`, if it has one. */
  readonly authorizeIn: string | undefined;
}

/** How a worker begins. */
export interface Beginning {
  /** From 1 on; a worker that takes another's place gets its number. */
  readonly number: number;
  readonly parcel: Parcel;
  /** Under which all workers mark passwords. */
  readonly key: Uint8Array;
}

/** What the primary asks a worker. */
export type ToWorker = {
  /** To listen. The answer is the URL; it fails with a Failure if the address cannot be had. */
  readonly start: { readonly question: Beginning; readonly answer: string };
  /** To make everything of a configuration that can go wrong, and go on by the one of before. */
  readonly prepare: { readonly question: Parcel; readonly answer: unknown };
  /** To go by what it has prepared. */
  readonly use: { readonly question: undefined; readonly answer: unknown };
  /** Of what another worker has found out about a password. */
  readonly hear: { readonly question: Finding; readonly answer: unknown };
  /** Of a manifest that was pushed or deleted through another worker. Answered when it is heeded. */
  readonly hearChange: { readonly question: ManifestChange; readonly answer: unknown };
  /** Whether it stands still. */
  readonly alive: { readonly question: undefined; readonly answer: unknown };
  readonly metrics: { readonly question: undefined; readonly answer: MetricsSnapshot };
  /** To finish what is under way, and then wait for `leave`. */
  readonly finish: {
    readonly question: { readonly delay: number; readonly timeout: number };
    readonly answer: Ended;
  };
  readonly leave: { readonly question: undefined; readonly answer: unknown };
};

/** What a worker asks the primary. */
export type ToPrimary = {
  /** That it hears: what it is told before is lost. */
  readonly hello: { readonly question: undefined; readonly answer: unknown };
  /** The text of `/metrics`. */
  readonly page: { readonly question: undefined; readonly answer: string };
  /** To have all other workers hear of it. */
  readonly tell: { readonly question: Finding; readonly answer: unknown };
  /** Answered when all other workers heed it, but for those that stand still. */
  readonly changed: { readonly question: ManifestChange; readonly answer: unknown };
  /** Answered when it is this worker's turn for a key. */
  readonly enter: { readonly question: string; readonly answer: unknown };
  /** Its turn is over. */
  readonly exit: { readonly question: string; readonly answer: unknown };
};
