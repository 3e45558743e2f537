import { shareableLength } from "../protocol/shareable.ts";
import type { Answer } from "../upstream/ask.ts";
import { readBounded } from "../upstream/bounded-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Consultation } from "./consult.ts";

/** An answer with its body. */
export interface InHand {
  readonly outcome: "found";
  readonly answer: Answer;
  readonly body: Buffer;
}

/**
 * An answer that may be given to all, read to its end; what does not come to its end is a failure of who sent it. Undefined if it
 * may not be given to all, and then nothing of it has been read.
 * @param signal aborted when nobody waits for it any more
 */
export async function inHand(
  { timeouts }: Upstream,
  method: string,
  answer: Answer,
  signal: AbortSignal,
): Promise<InHand | Extract<Consultation, { outcome: "failed" }> | undefined> {
  const length = shareableLength(method, answer.status, answer.headers);
  if (length === undefined) {
    return undefined;
  }
  const giveUp = () => answer.body.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) {
    giveUp();
  }
  const body = await readBounded(answer.body, length, timeouts.idle);
  signal.removeEventListener("abort", giveUp);
  return body?.length === length ? { outcome: "found", answer, body } : incomplete(answer);
}

function incomplete({ body }: Answer): Extract<Consultation, { outcome: "failed" }> {
  return {
    outcome: "failed",
    failure:
      body.errored === null
        ? { kind: "late", cause: "did not come to the end of a manifest" }
        : { kind: "broken", cause: "broke off in the middle of a manifest" },
  };
}
