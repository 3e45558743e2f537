import { isIPv6 } from "node:net";
import type { Logger } from "@combined-registry/core";
import { FailureBackoff } from "./failure-backoff.ts";
import { GuessLimiter } from "./guess-limiter.ts";

/** Who sends a password. */
export interface Sender {
  /** The IP address. */
  readonly address: string;
  /** Whether nobody waits for the answer any more. */
  left(): boolean;
}

type Addressed = Pick<Sender, "address">;

/** How senders are treated. */
export interface ThrottleOptions {
  /** Whether addresses with many wrong passwords are slowed. @default true */
  readonly throttle?: boolean;
}

/** What account is kept by. */
export interface LoginThrottleOptions {
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Keeps account of what passwords come from where. */
export class LoginThrottle {
  /** Whether what is counted against senders has consequences. */
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

  /** Whether a user's remembered password may come from there without a check. */
  trusts({ address }: Sender, user: string): boolean {
    // Asked in any case: it remembers where users come from.
    return this.#guesses.trusts(networkOf(address), user) || !this.throttles;
  }

  right(user: string, senders: readonly Addressed[]): void {
    for (const [network] of networksOf(senders)) {
      this.#failures.right(network, user);
      this.#guesses.right(network, user);
    }
  }

  /** @param warns false if somebody else has the log say so */
  wrong(user: string, senders: readonly Addressed[], { warns = true } = {}): void {
    for (const [network, address] of networksOf(senders)) {
      if (this.#failures.wrong(network, user) && warns) {
        this.#logger.warn({ client: address, user: printable(user) }, "wrong password");
      }
    }
  }

  /**
   * For passwords that are not checked, of users who have one remembered.
   * @param id tells the password from others
   * @returns whether it counts
   */
  refused(user: string, id: string, senders: readonly Addressed[]): boolean {
    const networks = [...networksOf(senders).keys()];
    return networks.map((network) => this.#guesses.add(network, user, id)).includes(true);
  }
}

/** Each with one of its addresses: what one network sends several times at the same time counts once. */
function networksOf(senders: readonly Addressed[]): Map<string, string> {
  return new Map(senders.map(({ address }) => [networkOf(address), address]));
}

/** A name for the log: whoever sent it chose every character. */
function printable(user: string): string {
  return user.slice(0, 64).replace(/[\p{C}\p{Z}]/gu, "?");
}

/**
 * What passwords are counted by: an IPv4 address or, as whoever has an IPv6 address has all those of its /64,
 * the first half of that.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) {
    return address;
  }
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  // Even what ends in the notation of IPv4 has that in its second half.
  const after = groupsOf(tail ?? "");
  const length = after.at(-1)?.includes(".") ? after.length + 1 : after.length;
  const zeros = new Array<string>(Math.max(0, 8 - before.length - length)).fill("0");
  const half = [...before, ...zeros, ...after].slice(0, 4);
  return `${half.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
