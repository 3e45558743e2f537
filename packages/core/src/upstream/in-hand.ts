import { ClientGone, UpstreamFailure } from "../errors.ts";
import { shareableLength } from "../protocol/shareable.ts";
import { readBounded } from "./transport/read-body.ts";
import type { Answer } from "./transport/send.ts";

/**
 * An answer that may be given to all, read to its end; any other as it is, and then nothing of it has been read.
 * @param idle milliseconds that it may stand still
 * @param signal aborted when nobody waits for it any more
 * @throws UpstreamFailure if it does not come to its end; ClientGone
 */
export async function inHand(
  answer: Answer,
  method: string,
  idle: number,
  signal: AbortSignal,
): Promise<Answer> {
  const length = shareableLength(method, answer.status, answer.headers);
  if (length === undefined) {
    return answer;
  }
  const giveUp = () => answer.body.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) {
    giveUp();
  }
  const read = await readBounded(answer.body, length, idle, { goesOn: true });
  signal.removeEventListener("abort", giveUp);
  if (signal.aborted) {
    throw new ClientGone();
  }
  if (read?.length !== length) {
    throw answer.body.errored === null
      ? new UpstreamFailure("timeout", "did not come to the end of a manifest")
      : new UpstreamFailure("broken", "broke off in the middle of a manifest");
  }
  return { ...answer, read };
}
