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

/** With `retryAfter`, in seconds, the password was not checked. */
export type VerifyResult = "right" | "wrong" | { readonly retryAfter: number };

export interface PasswordsOptions extends LoginThrottleOptions {
  /** Checks a password against a hash. @default bcrypt in libuv's threads, the other kinds in a thread of their own */
  readonly check?: VerifyHash;
  /**
   * Checks at one time. bcrypt shares libuv's four threads with file and DNS access, and all of the processor
   * with the router. @default one less than processors, at least 1 and at most 2
   */
  readonly concurrent?: number;
  /** The other workers. Their results count here too: otherwise each worker more would allow as many more guesses. */
  readonly peers?: Peers;
}

/** Processes that share the results of their checks. */
export interface Peers {
  /** The secret key of the HMACs, the same in all processes. */
  readonly key: Uint8Array;
  /** Sends the event to all others. */
  publish(event: LoginEvent): void;
}

/** The result of a check, for other processes. It has no password: an HMAC reveals nothing without the key. */
export interface LoginEvent {
  readonly kind: "right" | "wrong" | "refused";
  readonly user: string;
  /** HMAC of the password, base64. */
  readonly hmac: string;
  readonly addresses: readonly string[];
}

/** Checks the passwords of users. */
export interface Passwords {
  /**
   * Replaces the users. Cached results stay valid for users whose line has not changed, and wrong passwords that were counted
   * stay counted.
   */
  use(htpasswd: Htpasswd, path: string, options?: ThrottleOptions): void;
  /** Returns a promise only if the password has to be checked: a cached result comes at once. */
  verify(user: string, password: string, sender: Sender): VerifyResult | Promise<VerifyResult>;
  /** Applies the result of a check in another process. */
  receive(event: LoginEvent): void;
}

interface Attempt extends Entry {
  readonly user: string;
  readonly password: string;
  readonly hmac: Buffer;
  /** `hmac` as base64. */
  readonly id: string;
}

interface PendingCheck {
  readonly senders: Sender[];
  readonly result: Promise<VerifyResult>;
}

/**
 * Bytes. MD5 crypt hashes the whole password 1000 times, and a request header may hold 64 KiB. Real passwords are shorter: `htpasswd`
 * takes 255 bytes.
 */
const longestPassword = 1024;
/** Milliseconds. The queue moves on several times a second. */
const queueIsFull = 2000;

/** Checks a few passwords at a time. Every password is wrong until `use` has brought users. */
export function createPasswords(logger: Logger, options: PasswordsOptions = {}): Passwords {
  return new CheckedPasswords(logger, options);
}

class CheckedPasswords implements Passwords {
  readonly #logger: Logger;
  readonly #check: VerifyHash;
  readonly #queue: FairQueue;
  readonly #throttle: LoginThrottle;
  readonly #cache: PasswordCache;
  readonly #peers: Peers | undefined;
  readonly #pending = new Map<string, PendingCheck>();
  #users = new UserTable({ users: new Map() });

  constructor(logger: Logger, options: PasswordsOptions) {
    const { concurrent = Math.min(2, Math.max(1, availableParallelism() - 1)) } = options;
    this.#logger = logger;
    this.#check = options.check ?? createVerifyHash();
    this.#queue = new FairQueue({ concurrent, waiting: 128, waitingEach: 8 });
    this.#throttle = new LoginThrottle(logger, options);
    this.#cache = new PasswordCache({ ...options, ...(options.peers && { key: options.peers.key }) });
    this.#peers = options.peers;
  }

  use(htpasswd: Htpasswd, path: string, { throttle = true }: ThrottleOptions = {}): void {
    warnAbout(htpasswd, path, this.#logger);
    this.#throttle.throttles = throttle;
    this.#users = new UserTable(htpasswd);
  }

  verify(user: string, password: string, sender: Sender): VerifyResult | Promise<VerifyResult> {
    const entry = this.#users.find(user);
    const hmac = this.#cache.hmacOf(user, password, entry.hash);
    if (entry.known && this.#cache.has(user, hmac) && this.#throttle.trusts(sender, user)) {
      // Does not reset the count of wrong passwords: each request of a client of alice's would reset it for an attacker in its network.
      return "right";
    }
    const attempt = { ...entry, user, password, hmac, id: hmac.toString("base64") };
    const wait = this.#throttle.waitOf(sender);
    if (wait > 0) {
      return this.#refuse(attempt, [sender], wait);
    }
    const same = this.#pending.get(attempt.id);
    if (same === undefined) {
      return this.#enqueue(attempt, sender);
    }
    same.senders.push(sender);
    return same.result;
  }

  #enqueue(attempt: Attempt, first: Sender): VerifyResult | Promise<VerifyResult> {
    const senders = [first];
    const turn = this.#queue.run(networkOf(first.address), () => this.#run(attempt, senders));
    if (turn === undefined) {
      return this.#refuse(attempt, senders, queueIsFull);
    }
    const result = turn.finally(() => this.#pending.delete(attempt.id));
    this.#pending.set(attempt.id, { senders, result });
    return result;
  }

  async #run(attempt: Attempt, senders: readonly Sender[]): Promise<VerifyResult> {
    // While the check waited, its senders may have left, or their networks may have sent wrong passwords.
    const waits = senders.filter((sender) => !sender.left()).map((sender) => this.#throttle.waitOf(sender));
    if (waits.every((wait) => wait > 0)) {
      return this.#refuse(attempt, senders, Math.max(1000, ...waits));
    }
    if (!(await this.#isCorrect(attempt))) {
      this.#throttle.wrong(attempt.user, senders);
      this.#publish("wrong", attempt, senders);
      return "wrong";
    }
    this.#cache.add(attempt.user, attempt.hmac);
    this.#throttle.right(attempt.user, senders);
    this.#publish("right", attempt, senders);
    return "right";
  }

  receive({ kind, user, hmac, addresses }: LoginEvent): void {
    const senders = addresses.map((address) => ({ address }));
    if (kind === "wrong") {
      this.#throttle.wrong(user, senders, { warns: false });
    } else if (kind === "refused") {
      this.#throttle.refused(user, hmac, senders);
    } else {
      this.#cache.add(user, Buffer.from(hmac, "base64"));
      this.#throttle.right(user, senders);
    }
  }

  #publish(kind: LoginEvent["kind"], { user, id }: Attempt, senders: readonly Sender[]): void {
    this.#peers?.publish({ kind, user, hmac: id, addresses: senders.map(({ address }) => address) });
  }

  async #isCorrect({ password, hash, known }: Attempt): Promise<boolean> {
    if (hash === undefined || Buffer.byteLength(password) > longestPassword) {
      return false;
    }
    return (await this.#check(hash, password)) && known;
  }

  #refuse(attempt: Attempt, senders: readonly Sender[], milliseconds: number): VerifyResult {
    const { user, id } = attempt;
    if (this.#cache.knows(user) && this.#throttle.refused(user, id, senders)) {
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
    logger.warn({ file: path }, "htpasswd file: no users, so every login is refused");
  }
}
