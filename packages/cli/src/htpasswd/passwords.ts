import { availableParallelism } from "node:os";
import type { Logger } from "@combined-registry/core";
import { FairQueue } from "./fair-queue.ts";
import { type Entry, type Htpasswd, UserTable } from "./file.ts";
import { PasswordCache } from "./password-cache.ts";
import {
  LoginThrottle,
  type LoginThrottleOptions,
  networkOf,
  type Sender,
  type ThrottleOptions,
} from "./throttle.ts";
import { createVerifyHash, type VerifyHash } from "./verify.ts";

/** What is found about a password. `retryAfter` is in seconds: it was not checked. */
export type VerifyResult = "right" | "wrong" | { readonly retryAfter: number };

/** How passwords are checked. */
export interface PasswordsOptions extends LoginThrottleOptions {
  /** Checks one password. @default bcrypt in libuv's threads, the other kinds in a thread of their own */
  readonly check?: VerifyHash;
  /**
   * Checks at one time. bcrypt shares libuv's four threads with file and DNS access, and all of the processor
   * with the router. @default one less than processors, at least 1 and at most 2
   */
  readonly concurrent?: number;
  /** The other processes that serve the same port. What they find out counts here too, or guessing would be as many times easier. */
  readonly peers?: Peers;
}

/** Processes that share what they find out about passwords. */
export interface Peers {
  /** Under which all of them mark passwords; a secret. */
  readonly key: Uint8Array;
  /** Has all others hear of it. */
  publish(event: LoginEvent): void;
}

/** What one process has found out. No passwords: a mark says nothing without the key. */
export interface LoginEvent {
  readonly kind: "right" | "wrong" | "refused";
  readonly user: string;
  /** Of the password, in base64. */
  readonly mark: string;
  readonly addresses: readonly string[];
}

/** Checks the passwords of users. */
export interface Passwords {
  /**
   * Takes the users of a file in place of those known so far. Unchanged ones need no new check, and what was counted
   * against senders stays, however they are treated from now on.
   */
  use(htpasswd: Htpasswd, path: string, options?: ThrottleOptions): void;
  /** Nothing but a lookup when the answer is not a promise. */
  verify(user: string, password: string, sender: Sender): VerifyResult | Promise<VerifyResult>;
  /** Takes note of what another process has found out. */
  receive(event: LoginEvent): void;
}

interface Attempt extends Entry {
  readonly user: string;
  readonly password: string;
  readonly mark: Buffer;
  /** The mark as text. */
  readonly id: string;
}

interface Check {
  readonly senders: Sender[];
  readonly result: Promise<VerifyResult>;
}

/**
 * MD5 crypt hashes the whole password 1000 times over; nobody's has a kilobyte (`htpasswd` takes 255 bytes),
 * and a header may have 64.
 */
const longestPassword = 1024;
/** Milliseconds, as the queue moves on several times a second. */
const queueIsFull = 2000;

/** Checks passwords, a few at a time, once there are users. Nobody gets in before. */
export function createPasswords(logger: Logger, options: PasswordsOptions = {}): Passwords {
  return new CheckedPasswords(logger, options);
}

class CheckedPasswords implements Passwords {
  readonly #logger: Logger;
  readonly #check: VerifyHash;
  readonly #queue: FairQueue;
  readonly #ledger: LoginThrottle;
  readonly #remembered: PasswordCache;
  readonly #peers: Peers | undefined;
  readonly #underWay = new Map<string, Check>();
  #users = new UserTable({ users: new Map() });

  constructor(logger: Logger, options: PasswordsOptions) {
    const { concurrent = Math.min(2, Math.max(1, availableParallelism() - 1)) } = options;
    this.#logger = logger;
    this.#check = options.check ?? createVerifyHash();
    this.#queue = new FairQueue({ concurrent, waiting: 128, waitingEach: 8 });
    this.#ledger = new LoginThrottle(logger, options);
    this.#remembered = new PasswordCache({ ...options, ...(options.peers && { key: options.peers.key }) });
    this.#peers = options.peers;
  }

  use(htpasswd: Htpasswd, path: string, { throttle = true }: ThrottleOptions = {}): void {
    warnAbout(htpasswd, path, this.#logger);
    this.#ledger.throttles = throttle;
    this.#users = new UserTable(htpasswd);
  }

  verify(user: string, password: string, sender: Sender): VerifyResult | Promise<VerifyResult> {
    const entry = this.#users.find(user);
    const mark = this.#remembered.markOf(user, password, entry.hash);
    if (entry.known && this.#remembered.has(user, mark) && this.#ledger.trusts(sender, user)) {
      // This forgives nothing: a client of alice's would do so for all who guess her password next to it.
      return "right";
    }
    const attempt = { ...entry, user, password, mark, id: mark.toString("base64") };
    const wait = this.#ledger.waitOf(sender);
    if (wait > 0) {
      return this.#refuse(attempt, [sender], wait);
    }
    const equal = this.#underWay.get(attempt.id);
    if (equal === undefined) {
      return this.#enqueue(attempt, sender);
    }
    equal.senders.push(sender);
    return equal.result;
  }

  #enqueue(attempt: Attempt, first: Sender): VerifyResult | Promise<VerifyResult> {
    const senders = [first];
    const turn = this.#queue.run(networkOf(first.address), () => this.#takeTurn(attempt, senders));
    if (turn === undefined) {
      return this.#refuse(attempt, senders, queueIsFull);
    }
    const result = turn.finally(() => this.#underWay.delete(attempt.id));
    this.#underWay.set(attempt.id, { senders, result: result });
    return result;
  }

  async #takeTurn(attempt: Attempt, senders: readonly Sender[]): Promise<VerifyResult> {
    // While it was waiting, its senders may have left, or wrong ones come from where they are.
    const waits = senders.filter((sender) => !sender.left()).map((sender) => this.#ledger.waitOf(sender));
    if (waits.every((wait) => wait > 0)) {
      return this.#refuse(attempt, senders, Math.max(1000, ...waits));
    }
    if (!(await this.#isRight(attempt))) {
      this.#ledger.wrong(attempt.user, senders);
      this.#publish("wrong", attempt, senders);
      return "wrong";
    }
    this.#remembered.add(attempt.user, attempt.mark);
    this.#ledger.right(attempt.user, senders);
    this.#publish("right", attempt, senders);
    return "right";
  }

  receive({ kind, user, mark, addresses }: LoginEvent): void {
    const senders = addresses.map((address) => ({ address }));
    if (kind === "wrong") {
      this.#ledger.wrong(user, senders, { warns: false });
    } else if (kind === "refused") {
      this.#ledger.refused(user, mark, senders);
    } else {
      this.#remembered.add(user, Buffer.from(mark, "base64"));
      this.#ledger.right(user, senders);
    }
  }

  #publish(kind: LoginEvent["kind"], { user, id }: Attempt, senders: readonly Sender[]): void {
    this.#peers?.publish({ kind, user, mark: id, addresses: senders.map(({ address }) => address) });
  }

  async #isRight({ password, hash, known }: Attempt): Promise<boolean> {
    if (hash === undefined || Buffer.byteLength(password) > longestPassword) {
      return false;
    }
    return (await this.#check(hash, password)) && known;
  }

  #refuse(attempt: Attempt, senders: readonly Sender[], milliseconds: number): VerifyResult {
    const { user, id } = attempt;
    if (this.#remembered.knows(user) && this.#ledger.refused(user, id, senders)) {
      this.#publish("refused", attempt, senders);
    }
    return { retryAfter: Math.ceil(milliseconds / 1000) };
  }
}

function warnAbout(htpasswd: Htpasswd, path: string, logger: Logger): void {
  for (const { line, user } of htpasswd.repeated) {
    logger.warn(
      { file: path, line, user },
      "htpasswd file: the user has an earlier line, this one has no effect",
    );
  }
  if (htpasswd.users.size === 0) {
    logger.warn({ file: path }, "htpasswd file: no users, so nobody gets in");
  }
}
