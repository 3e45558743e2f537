import { UpstreamFailure } from "../errors.ts";
import type { FailureReport } from "../routing/classify.ts";
import type { AuthorizedSender } from "./auth/send-authorized.ts";
import type { UpstreamClient } from "./client.ts";
import { baseRequest, type UpstreamRequest } from "./request.ts";
import { errorBodyLimit, readUpTo } from "./transport/read-body.ts";
import { isRedirect, redirectTarget } from "./transport/redirects.ts";
import type { UpstreamResponse } from "./transport/send.ts";
import type { Upstream } from "./upstream.ts";
import { type BaseAnswer, objectionTo } from "./usable.ts";
import { withTimeout } from "./with-timeout.ts";

/** The last answer to `GET /v2/`. */
export interface Ping {
  readonly status: number | undefined;
  readonly failure: FailureReport | undefined;
  readonly latency: number;
  /** Why the upstream cannot be used; undefined if it can. */
  readonly objection: string | undefined;
}

const cachedFor = 1_000;

/**
 * Requests `/v2/` of upstreams. Concurrent callers share one request, and its answer is cached for a second, so that many clients that
 * log in at once cause little load.
 */
export class Pings {
  readonly #last = new WeakMap<Upstream, { readonly ping: Promise<Ping>; settledAt: number | undefined }>();
  readonly #observed: (upstream: Upstream, ping: Ping) => void;

  constructor(observed: (upstream: Upstream, ping: Ping) => void) {
    this.#observed = observed;
  }

  /** Never rejects. */
  ping(upstream: Upstream): Promise<Ping> {
    const last = this.#last.get(upstream);
    if (
      last !== undefined &&
      (last.settledAt === undefined || performance.now() - last.settledAt < cachedFor)
    ) {
      return last.ping;
    }
    const entry: { readonly ping: Promise<Ping>; settledAt: number | undefined } = {
      settledAt: undefined,
      ping: pingNow(upstream).then((ping) => {
        entry.settledAt = performance.now();
        this.#observed(upstream, ping);
        return ping;
      }),
    };
    this.#last.set(upstream, entry);
    return entry.ping;
  }
}

/** Whether an upstream can be used: `/v2/`, health, readiness, `check` and the status page agree on it. */
export function isUp({ objection }: Ping): boolean {
  return objection === undefined;
}

async function pingNow(upstream: Upstream): Promise<Ping> {
  const pinged = await withTimeout(upstream.timeouts.ping, (signal) => upstream.ping(signal));
  const { failure, latency } = pinged;
  return failure === undefined
    ? { status: pinged.value.status, failure, latency, objection: objectionTo(upstream, pinged.value) }
    : { status: failure.status, failure, latency, objection: failure.cause };
}

/**
 * Requests `/v2/` of one upstream. A redirect is followed without credentials: registry.k8s.io sends clients elsewhere from there.
 * @throws UpstreamFailure, ClientAborted
 */
export async function askBase(
  client: UpstreamClient,
  auth: AuthorizedSender,
  signal: AbortSignal,
): Promise<BaseAnswer> {
  const request = baseRequest(signal);
  const direct = await auth.send(request);
  const redirected = isRedirect(direct);
  const answer = redirected ? await arrival(client, request, direct) : direct;
  const destroy = () => answer.body.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  const text = (await readUpTo(answer.body, errorBodyLimit, client.idle))?.toString() ?? "";
  const { status, headers } = answer;
  const onlyScopedTokens = status === 401 && !redirected && (await auth.givesOnlyScopedTokens());
  return { status, headers, text, redirected, onlyScopedTokens };
}

const longestChain = 5;

async function arrival(
  client: UpstreamClient,
  request: UpstreamRequest,
  direct: UpstreamResponse,
): Promise<UpstreamResponse> {
  let answer = direct;
  let address = client.addressOf(request);
  try {
    for (let hop = 0; isRedirect(answer); hop++) {
      answer.body.destroy();
      if (hop === longestChain) {
        throw new UpstreamFailure("broken", `more than ${longestChain} redirects`);
      }
      address = redirectTarget(answer, address, () => undefined).url;
      answer = await client.sendTo(address, request, undefined);
    }
    return answer;
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) {
      throw error;
    }
    const { kind, cause } = error.report;
    throw new UpstreamFailure(kind, `redirects, and that fails: ${cause}`, { cause: error });
  }
}
