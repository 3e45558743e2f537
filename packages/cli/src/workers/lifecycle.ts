import { messageOf } from "../failure.ts";
import type { Ended } from "../lifecycle/finish.ts";
import type { Log } from "../logging.ts";
import type { Member } from "./handle.ts";
import { LineGone, LineLate, type Parcel } from "./rpc.ts";

// How a worker takes another configuration, in two steps: none uses one that another cannot use.

// Milliseconds. A worker that is late has stood still for as long, and serves nobody.
const longestForReload = 10_000;

/** What of a worker has to do with another configuration. */
export type Follower = Doubtful & Pick<Member, "listens" | "ended">;

const what = "does not follow a reload";

/**
 * The first step: all workers make ready to go by another configuration. Those that take too long are ended. Nothing of it is
 * under way any more when this ends, also if it is refused: what the next reload asks would come in between.
 * @throws what is wrong with it
 */
export async function prepareAll(members: readonly Follower[], parcel: Parcel, log: Log): Promise<void> {
  const all = await Promise.allSettled(members.map((member) => prepare(member, parcel, log)));
  const refusal = all.find((one) => one.status === "rejected");
  if (refusal !== undefined) {
    throw refusal.reason;
  }
}

/** The second: from now on all go by it, or are ended. */
export async function useAll(members: readonly Follower[], log: Log): Promise<void> {
  await Promise.all(members.map((member) => use(member, log)));
}

async function prepare(member: Follower, parcel: Parcel, log: Log): Promise<void> {
  try {
    await member.ask("prepare", parcel, longestForReload);
  } catch (error) {
    if (error instanceof LineLate) {
      await giveUp(member, what, error, log);
    } else if (!(error instanceof LineGone) && member.listens) {
      throw error;
    }
  }
}

async function use(member: Follower, log: Log): Promise<void> {
  try {
    await member.ask("use", undefined, longestForReload);
  } catch (error) {
    if (!(error instanceof LineGone)) {
      await giveUp(member, what, error, log);
    }
    await member.ended;
  }
}

/** How all workers ended. */
export interface AllEnded extends Ended {
  /** Those that died before they had finished. */
  readonly died: number;
}

/** How long the end may take, in two steps. Milliseconds. */
export interface Drain {
  readonly delay: number;
  readonly timeout: number;
}

// Milliseconds. A worker that is late has stood still for as long, and serves nobody.
const longestForGoodbye = 5_000;
const longestTimer = 2 ** 31 - 1;

/** Has workers finish what is under way, and end. */
export async function finishAll(members: readonly Member[], drain: Drain): Promise<AllEnded> {
  const all = await Promise.all(members.map((member) => finishOne(member, drain)));
  const ended = all.filter((one) => one !== undefined);
  return {
    cut: ended.reduce((sum, { cut }) => sum + cut, 0),
    closed: ended.every(({ closed }) => closed),
    died: all.length - ended.length,
  };
}

/** One that does not listen has nothing to finish. @returns undefined if it died before it had finished */
async function finishOne(member: Member, drain: Drain): Promise<Ended | undefined> {
  if (!member.listens) {
    await member.kill();
    return { cut: 0, closed: true };
  }
  const longest = Math.min(longestTimer, drain.delay + drain.timeout + longestForGoodbye);
  try {
    const ended = await member.ask("finish", drain, longest);
    await member.ask("leave", undefined, longestForGoodbye).catch(() => undefined);
    return ended;
  } catch {
    return undefined;
  } finally {
    await member.kill();
  }
}

// Milliseconds, for what takes none as a rule.
const longestForSigns = 10_000;

/** What of a worker has to do with ending it. */
export type Doubtful = Pick<Member, "number" | "pid" | "ask" | "kill">;

/** Ends a worker that is of no use any more; another one takes its place. Resolves when it has ended. */
export async function giveUp(member: Doubtful, what: string, error: unknown, log: Log): Promise<void> {
  const { number: worker, pid } = member;
  log.error({ worker, pid }, `worker ${what}, and is ended: ${messageOf(error)}`);
  await member.kill();
}

/** Ends a worker if it stands still: one that works answers at once, however long the registries take. */
export async function giveUpIfStill(member: Doubtful, what: string, log: Log): Promise<void> {
  try {
    await member.ask("alive", undefined, longestForSigns);
  } catch (error) {
    if (error instanceof LineLate) {
      await giveUp(member, what, error, log);
    }
  }
}

const soon = 60_000;
const firstDelay = 500;
const longestDelay = 30_000;

/**
 * How long to wait before a dead worker is replaced: not at all, unless the one before it in the same place died soon as well;
 * then twice as long each time, so that workers which cannot live do not keep the machine busy.
 */
export class Backoff {
  readonly #soonInTurn = new Map<number, number>();

  /**
   * @param place the worker's number
   * @param age milliseconds that it lived
   * @returns milliseconds
   */
  after(place: number, age: number): number {
    const times = age < soon ? (this.#soonInTurn.get(place) ?? 0) + 1 : 1;
    this.#soonInTurn.set(place, times);
    return times === 1 ? 0 : Math.min(longestDelay, firstDelay * 2 ** (times - 2));
  }
}
