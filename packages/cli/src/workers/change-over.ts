import { messageOf } from "../failure.ts";
import type { Log } from "../logging.ts";
import { LineGone, LineLate } from "./line.ts";
import type { Member } from "./member.ts";
import type { Parcel } from "./questions.ts";

// How a worker takes another configuration, in two steps: none uses one that another cannot use.

// Milliseconds. A worker that is late has stood still for as long, and serves nobody.
const longestForReload = 10_000;

/**
 * The first step: a worker makes ready to go by another configuration. One that takes too long is ended.
 * @throws what is wrong with it
 */
export async function prepare(member: Member, parcel: Parcel, log: Log): Promise<void> {
  try {
    await member.ask("prepare", parcel, longestForReload);
  } catch (error) {
    if (error instanceof LineLate) {
      await giveUp(member, error, log);
    } else if (!(error instanceof LineGone) && member.listens) {
      throw error;
    }
  }
}

/** The second: from now on it goes by it, or is ended. */
export async function use(member: Member, log: Log): Promise<void> {
  try {
    await member.ask("use", undefined, longestForReload);
  } catch (error) {
    if (!(error instanceof LineGone)) {
      await giveUp(member, error, log);
    }
    await member.ended;
  }
}

async function giveUp(member: Member, error: unknown, log: Log): Promise<void> {
  const { number: worker, pid } = member;
  log.error({ worker, pid }, `worker does not follow a reload, and is ended: ${messageOf(error)}`);
  await member.kill();
}
