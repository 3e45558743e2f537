import type { Ended } from "../lifecycle/finish.ts";
import type { Member } from "./member.ts";

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
