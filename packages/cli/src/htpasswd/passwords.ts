import { availableParallelism } from "node:os";
import type { Logger } from "@combined-registry/core";
import { createCheck } from "./check.ts";
import type { CheckHash } from "./crypt-thread.ts";
import { Failures } from "./failures.ts";
import { FairQueue } from "./fair-queue.ts";
import { Guesses } from "./guesses.ts";
import { networkOf } from "./network.ts";
import type { Htpasswd, PasswordHash } from "./parse.ts";
import { RightPasswords } from "./remember.ts";
import { Users } from "./users.ts";

/** What is found about a password. `retryAfter` is in seconds: it was not checked. */
export type Judgement = "right" | "wrong" | { readonly retryAfter: number };

/** Who sends a password. */
export interface Sender {
  /** The IP address. */
  readonly address: string;
  /** Whether nobody waits for the answer any more. */
  left(): boolean;
}

/** How passwords are checked. */
export interface PasswordsOptions {
  /** Whether addresses with many wrong passwords are slowed. @default true */
  readonly throttle?: boolean;
  /** Checks one password. @default bcrypt in libuv's threads, the other kinds in a thread of their own */
  readonly check?: CheckHash;
  /**
   * Checks at one time. bcrypt shares libuv's four threads with file and DNS access, and all of the processor
   * with the router. @default one less than processors, at least 1 and at most 2
   */
  readonly concurrent?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Checks the passwords of users. */
export interface Passwords {
  /** Takes the users of a file in place of those known so far. Unchanged ones need no new check. */
  use(htpasswd: Htpasswd, path: string): void;
  /** Nothing but a lookup when the answer is not a promise. */
  judge(user: string, password: string, sender: Sender): Judgement | Promise<Judgement>;
}

interface Attempt {
  readonly id: string;
  readonly user: string;
  readonly password: string;
  readonly hash: PasswordHash | undefined;
  readonly known: boolean;
  readonly mark: Buffer;
}

interface Check {
  readonly senders: Sender[];
  readonly judgement: Promise<Judgement>;
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
  const { check = createCheck(), concurrent = Math.min(2, Math.max(1, availableParallelism() - 1)) } =
    options;
  const remembered = new RightPasswords(options);
  const failures = new Failures(options);
  const guesses = new Guesses(options);
  const queue = new FairQueue({ concurrent, waiting: 128, waitingEach: 8 });
  const underWay = new Map<string, Check>();
  let users = new Users({ users: new Map() });

  const waitOf = ({ address }: Sender) => failures.wait(networkOf(address));

  const isRight = async ({ password, hash, known }: Attempt): Promise<boolean> =>
    hash !== undefined &&
    Buffer.byteLength(password) <= longestPassword &&
    (await check(hash, password)) &&
    known;

  const conclude = (right: boolean, { user, mark }: Attempt, senders: readonly Sender[]): Judgement => {
    // One guess is counted once, however often an address has sent it at the same time.
    const networks = new Map(senders.map(({ address }) => [networkOf(address), address]));
    if (right) {
      remembered.add(user, mark);
    }
    for (const [network, address] of networks) {
      if (right) {
        failures.right(network, user);
      } else if (failures.wrong(network, user)) {
        logger.warn({ client: address, user: printable(user) }, "wrong password");
      }
    }
    return right ? "right" : "wrong";
  };

  const refuse = ({ id, user }: Attempt, senders: readonly Sender[], milliseconds: number): Judgement => {
    if (remembered.knows(user)) {
      for (const { address } of senders) {
        guesses.add(networkOf(address), user, id);
      }
    }
    return { retryAfter: Math.ceil(milliseconds / 1000) };
  };

  const start = (attempt: Attempt, first: Sender): Judgement | Promise<Judgement> => {
    const senders = [first];
    const turn = queue.run(networkOf(first.address), async (): Promise<Judgement> => {
      // While it was waiting, its senders may have left, or wrong ones come from where they are.
      const waits = senders.filter((sender) => !sender.left()).map(waitOf);
      return waits.every((wait) => wait > 0)
        ? refuse(attempt, senders, Math.max(1000, ...waits))
        : conclude(await isRight(attempt), attempt, senders);
    });
    if (turn === undefined) {
      return refuse(attempt, senders, queueIsFull);
    }
    const judgement = turn.finally(() => underWay.delete(attempt.id));
    underWay.set(attempt.id, { senders, judgement });
    return judgement;
  };

  return {
    use(htpasswd, path) {
      warnAbout(htpasswd, path, logger);
      users = new Users(htpasswd);
    },
    judge(user, password, sender) {
      const { hash, known } = users.find(user);
      const mark = remembered.markOf(user, password, hash);
      if (known && remembered.has(user, mark) && !guesses.tooMany(networkOf(sender.address), user)) {
        // This forgives nothing: a client of alice's would do so for all who guess her password next to it.
        return "right";
      }
      const attempt = { id: mark.toString("base64"), user, password, hash, known, mark };
      const wait = waitOf(sender);
      if (wait > 0) {
        return refuse(attempt, [sender], wait);
      }
      const equal = underWay.get(attempt.id);
      if (equal === undefined) {
        return start(attempt, sender);
      }
      equal.senders.push(sender);
      return equal.judgement;
    },
  };
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

/** A name for the log: whoever sent it chose every character. */
function printable(user: string): string {
  return user.slice(0, 64).replace(/[\p{C}\p{Z}]/gu, "?");
}
