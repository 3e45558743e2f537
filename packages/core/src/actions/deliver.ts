import type { Exchange } from "../http/exchange.ts";
import { relay, repeat, type Safeguards } from "../http/relay.ts";
import type { Walk } from "../pull/failover.ts";
import { describeAttempt } from "../routing/outcome.ts";

/** Gives the client the answer that a walk ended with. */
export async function deliver(
  exchange: Exchange,
  { upstream, said, attempts }: Extract<Walk, { ended: "answered" }>,
  how: string,
  safeguards?: Safeguards,
): Promise<void> {
  const before = attempts.map(describeAttempt).join(", ");
  const reason = said.answer.status >= 400 ? `answered ${said.answer.status}` : how;
  exchange.decision = { upstream: upstream.name, reason: before === "" ? reason : `${reason}; ${before}` };
  const { answer, body } = said;
  if (body === undefined) {
    await relay(exchange, upstream, answer, safeguards);
  } else {
    repeat(exchange, upstream, { answer, body });
  }
}
