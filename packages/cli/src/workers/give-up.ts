import { messageOf } from "../failure.ts";
import type { Log } from "../logging.ts";
import { LineLate } from "./line.ts";
import type { Member } from "./member.ts";

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
