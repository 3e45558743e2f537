import type { Log } from "../logging.ts";
import { type Doubtful, giveUp } from "./give-up.ts";
import { LineGone, LineLate } from "./line.ts";
import type { Member } from "./member.ts";
import type { Parcel } from "./questions.ts";

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
