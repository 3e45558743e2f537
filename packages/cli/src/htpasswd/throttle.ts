import { isIPv6 } from "node:net";
import type { Logger } from "@combined-registry/core";
import { FailureBackoff } from "./failure-backoff.ts";
import { GuessLimiter } from "./guess-limiter.ts";

/** Who sends a password. */
export interface Sender {
  /** The IP address. */
  readonly address: string;
  /** Whether the client has disconnected. */
  left(): boolean;
}

type Addressed = Pick<Sender, "address">;

export interface ThrottleOptions {
  /** Whether networks with many wrong passwords have to wait. @default true */
  readonly throttle?: boolean;
}

export interface LoginThrottleOptions {
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Counts wrong passwords and guesses by network, and says who has to wait. */
export class LoginThrottle {
  /** If false, wrong passwords are counted but have no consequences. */
  throttles = true;
  readonly #logger: Logger;
  readonly #failures: FailureBackoff;
  readonly #guesses: GuessLimiter;

  constructor(logger: Logger, options: LoginThrottleOptions) {
    this.#logger = logger;
    this.#failures = new FailureBackoff(options);
    this.#guesses = new GuessLimiter(options);
  }

  /** Milliseconds until a sender's password may be checked; 0 if it may now. */
  waitOf({ address }: Sender): number {
    return this.throttles ? this.#failures.wait(networkOf(address)) : 0;
  }

  /** Whether a user's cached password is accepted from this sender without a check. */
  trusts({ address }: Sender, user: string): boolean {
    // Called even without throttling: it records where users come from.
    return this.#guesses.trusts(networkOf(address), user) || !this.throttles;
  }

  right(user: string, senders: readonly Addressed[]): void {
    for (const [network] of networksOf(senders)) {
      this.#failures.right(network, user);
      this.#guesses.right(network, user);
    }
  }

  /** @param warns false if another process has already logged it */
  wrong(user: string, senders: readonly Addressed[], { warns = true } = {}): void {
    for (const [network, address] of networksOf(senders)) {
      if (this.#failures.wrong(network, user) && warns) {
        this.#logger.warn({ client: address, user: printable(user) }, "wrong password");
      }
    }
  }

  /**
   * Counts a password that was not checked, for a user with a cached password.
   * @returns whether it counts
   */
  refused(user: string, hmac: string, senders: readonly Addressed[]): boolean {
    const networks = [...networksOf(senders).keys()];
    return networks.map((network) => this.#guesses.add(network, user, hmac)).includes(true);
  }
}

/** Networks, each with one of its addresses: several equal requests of one network at the same time count once. */
function networksOf(senders: readonly Addressed[]): Map<string, string> {
  return new Map(senders.map(({ address }) => [networkOf(address), address]));
}

/** For the log: the client chose every character of the name. */
function printable(user: string): string {
  return user.slice(0, 64).replace(/[\p{C}\p{Z}]/gu, "?");
}

/**
 * The unit in which wrong passwords are counted: an IPv4 address, or the /64 of an IPv6 address, since one client usually controls all
 * addresses of its /64.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) {
    return address;
  }
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  // An IPv4 suffix is always in the second half of the address, which is cut off below.
  const after = groupsOf(tail ?? "");
  const length = after.at(-1)?.includes(".") ? after.length + 1 : after.length;
  const zeros = new Array<string>(Math.max(0, 8 - before.length - length)).fill("0");
  const half = [...before, ...zeros, ...after].slice(0, 4);
  return `${half.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
