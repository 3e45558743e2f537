import type { Worker } from "node:cluster";
import type { ManifestChange, MetricsSnapshot } from "@combined-registry/core";
import { Failure, messageOf } from "../failure.ts";
import type { LoginEvent } from "../htpasswd/passwords.ts";
import type { Drain, Ended } from "../lifecycle/finish.ts";
import type { ConfigMessage } from "./config-message.ts";

/** The methods of one end. Parameters and results go through the structured clone. */
export type RpcMethods = Readonly<Record<string, { readonly params: unknown; readonly result: unknown }>>;

export type RpcHandlers<Methods extends RpcMethods> = {
  readonly [Name in keyof Methods]: (
    params: Methods[Name]["params"],
  ) => Methods[Name]["result"] | Promise<Methods[Name]["result"]>;
};

/** How a worker starts. */
export interface StartMessage {
  /** From 1 on. A worker that replaces another one gets its number. */
  readonly number: number;
  readonly config: ConfigMessage;
  /** The HMAC key that all workers use for passwords. */
  readonly key: Uint8Array;
}

/** What the primary calls in a worker. */
export type ToWorker = {
  /** Listens. The result is the URL. Fails with a Failure if the address cannot be had. */
  readonly start: { readonly params: StartMessage; readonly result: string };
  /** First step of a reload: does everything that can fail. The configuration in use stays in use. */
  readonly prepare: { readonly params: ConfigMessage; readonly result: unknown };
  /** Second step of a reload: uses what was prepared. */
  readonly commit: { readonly params: undefined; readonly result: unknown };
  /** Another worker has checked a password. */
  readonly loginEvent: { readonly params: LoginEvent; readonly result: unknown };
  /** A manifest was pushed or deleted through another worker. The result comes when this worker no longer serves the old one. */
  readonly invalidate: { readonly params: ManifestChange; readonly result: unknown };
  readonly ping: { readonly params: undefined; readonly result: unknown };
  readonly metrics: { readonly params: undefined; readonly result: MetricsSnapshot };
  /** Finishes what is under way. The worker then waits for `exit`. */
  readonly finish: { readonly params: Drain; readonly result: Ended };
  readonly exit: { readonly params: undefined; readonly result: unknown };
};

/** What a worker calls in the primary. */
export type ToPrimary = {
  /** The worker receives messages: those sent before are lost. */
  readonly ready: { readonly params: undefined; readonly result: unknown };
  /** The text of `/metrics`, of all workers together. */
  readonly metricsPage: { readonly params: undefined; readonly result: string };
  /** Sends the event to all other workers. */
  readonly publishLogin: { readonly params: LoginEvent; readonly result: unknown };
  /** Sends the change to all other workers. The result comes when they have applied it, or have not answered in time. */
  readonly publishChange: { readonly params: ManifestChange; readonly result: unknown };
  /** The result comes when this worker holds the lock of a key. */
  readonly acquire: { readonly params: string; readonly result: unknown };
  readonly release: { readonly params: string; readonly result: unknown };
};

/** The process at the other end has ended, or is about to. */
export class ChannelClosed extends Error {
  override readonly name = "ChannelClosed";
}

/** The other end has not answered in time. */
export class RpcTimeout extends Error {
  override readonly name = "RpcTimeout";
}

interface Failed {
  readonly answerTo: number;
  readonly failed: { readonly message: string; readonly exitCode?: 1 | 2 };
}

type Sent =
  | { readonly call: string; readonly id: number; readonly params: unknown }
  | { readonly answerTo: number; readonly result: unknown }
  | Failed;

/** Both ends are of the same build, so a method's parameters and result have the types declared above. */
type Received<Serves extends RpcMethods> =
  | { readonly call: keyof Serves; readonly id: number; readonly params: never }
  | { readonly answerTo: number; readonly result: never }
  | Failed;

interface PendingCall {
  resolve(result: never): void;
  reject(error: Error): void;
}

/**
 * Calls between the primary and a worker, over the IPC channel that Node gives them. `Calls` are the methods of the other end,
 * `Serves` those of this end.
 */
export class IpcChannel<Calls extends RpcMethods, Serves extends RpcMethods> {
  readonly #worker: Worker;
  readonly #handlers: RpcHandlers<Serves>;
  readonly #ready: Promise<unknown>;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;
  #closed = false;

  /** @param ready resolves when the other end receives messages; calls wait for it */
  constructor(worker: Worker, handlers: RpcHandlers<Serves>, ready: Promise<unknown> = Promise.resolve()) {
    this.#worker = worker;
    this.#handlers = handlers;
    this.#ready = ready;
    worker.on("message", (message: Received<Serves>) => void this.#receive(message));
    for (const end of ["disconnect", "exit"] as const) {
      worker.on(end, () => this.#close());
    }
  }

  /**
   * @param timeout milliseconds; without it, the call waits as long as the channel is open
   * @throws ChannelClosed, RpcTimeout, or what the other end failed with: a Failure stays a Failure
   */
  call<Name extends keyof Calls & string>(
    call: Name,
    params: Calls[Name]["params"],
    timeout?: number,
  ): Promise<Calls[Name]["result"]> {
    if (this.#closed) {
      return Promise.reject(new ChannelClosed());
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const expire = () => this.#take(id)?.reject(new RpcTimeout(`no answer within ${timeout} ms`));
      const timer = timeout === undefined ? undefined : setTimeout(expire, timeout);
      this.#pending.set(id, {
        resolve(result) {
          clearTimeout(timer);
          resolve(result);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      void this.#ready.then(() => {
        if (this.#pending.has(id)) {
          this.#send({ call, id, params }, (error) => this.#take(id)?.reject(error));
        }
      });
    });
  }

  /** Calls a method whose result does not matter. */
  notify<Name extends keyof Calls & string>(call: Name, params: Calls[Name]["params"]): void {
    this.call(call, params).catch(() => undefined);
  }

  async #receive(message: Received<Serves>): Promise<void> {
    if ("call" in message) {
      const { call, id, params } = message;
      try {
        this.#send({ answerTo: id, result: await this.#handlers[call](params) });
      } catch (error) {
        const exitCode = error instanceof Failure ? { exitCode: error.exitCode } : {};
        this.#send({ answerTo: id, failed: { message: messageOf(error), ...exitCode } });
      }
      return;
    }
    const pending = this.#take(message.answerTo);
    if ("failed" in message) {
      const { message: sentence, exitCode } = message.failed;
      pending?.reject(exitCode === undefined ? new Error(sentence) : new Failure(exitCode, sentence));
    } else {
      pending?.resolve(message.result);
    }
  }

  #take(id: number): PendingCall | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #send(message: Sent, failed: (error: Error) => void = () => undefined): void {
    try {
      // Without a callback, a closed channel would be an "error" event of the whole process.
      this.#worker.send(message, undefined, undefined, (error) => {
        if (error) {
          failed(new ChannelClosed());
        }
      });
    } catch (error) {
      // The structured clone refuses functions, for instance.
      failed(new Error(messageOf(error)));
    }
  }

  #close(): void {
    this.#closed = true;
    for (const id of [...this.#pending.keys()]) {
      this.#take(id)?.reject(new ChannelClosed());
    }
  }
}
