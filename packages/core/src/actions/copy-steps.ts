import { askHosted, askProxy, type Copying } from "../copy/requests.ts";
import { CopyFailure } from "../errors.ts";
import type { Consultation } from "../pull/query.ts";
import { type Attempt, describeAttempt } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
import { errorBodyLimit, readBounded } from "../upstream/transport/read-body.ts";
import type { Answer } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Whether hosted has something already. @throws ClientGone; CopyFailure if that cannot be told */
export async function hostedHas(
  services: Services,
  copying: Copying,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<boolean> {
  const said = await askHosted(services, copying, { method: "HEAD", address, accept }, signal);
  if (said.outcome === "not_found") {
    return false;
  }
  drained(said, `whether it has ${address}`, copying.hosted);
  return true;
}

/** Content as a proxy begins to send it. */
export interface Found {
  readonly proxy: Upstream;
  readonly answer: Answer;
}

/** Asks the proxies in order. @throws ClientGone; CopyFailure if none has it */
export async function findAtProxies(
  services: Services,
  copying: Copying,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<Found> {
  const attempts: Attempt[] = [];
  for (const proxy of copying.proxies) {
    const said = await askProxy(services, copying, proxy, { address, accept }, signal);
    if (said.outcome === "found" && said.answer.status === 200) {
      return { proxy, answer: said.answer };
    }
    attempts.push(attemptOf(proxy, said));
  }
  throw new CopyFailure(`${address} of ${copying.from}: ${attempts.map(describeAttempt).join(", ")}`, {
    isAbsent: attempts.every(({ outcome }) => outcome === "not_found"),
  });
}

function attemptOf(member: Upstream, said: Consultation): Attempt {
  if (said.outcome === "failed") {
    return { member, outcome: "failed", failure: said.failure };
  }
  const { status, body } = said.answer;
  if (said.outcome === "not_found") {
    return { member, outcome: "not_found", status };
  }
  body.destroy();
  return { member, outcome: "failed", failure: { kind: "broken", cause: `answered ${status}`, status } };
}

/**
 * Reads away the answer to a step that has to succeed.
 * @param what was asked of the upstream, for people
 * @throws CopyFailure unless it did
 */
export function drained(
  said: Consultation,
  what: string,
  { name, timeouts }: Upstream,
  expected?: number,
): Answer {
  if (said.outcome === "failed") {
    throw new CopyFailure(`${what}: ${name} failed (${said.failure.cause})`);
  }
  const { answer } = said;
  if (said.outcome !== "found" || (expected ?? answer.status) !== answer.status) {
    answer.body.destroy();
    throw new CopyFailure(`${what}: ${name} answered ${answer.status}`);
  }
  // Of no use; its connection is, if it ends as it should.
  void readBounded(answer.body, errorBodyLimit, timeouts.idle);
  return answer;
}
