import type { FailureReport } from "../routing/outcome.ts";
import type { Upstream } from "./upstream.ts";
import { withTimeout } from "./with-timeout.ts";

/** How an upstream's `/v2/` was last answered. */
export interface Ping {
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  readonly failure: FailureReport | undefined;
  /** Milliseconds. */
  readonly latency: number;
}

const rememberedFor = 1_000;

/**
 * Asks upstreams for their `/v2/`. Concurrent askers share one request, and its answer is remembered for a
 * second: a fleet of clients that log in must not multiply into load.
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
      (last.settledAt === undefined || performance.now() - last.settledAt < rememberedFor)
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

/** Whether a ping means that the upstream is there: judging the client's credentials, hosted says 401. */
export function isUp(upstream: Upstream, { status }: Ping): boolean {
  return status === 200 || (upstream.passthrough && status === 401);
}

async function pingNow(upstream: Upstream): Promise<Ping> {
  const pinged = await withTimeout(upstream.timeouts.ping, (signal) => upstream.ping(signal));
  const { failure, latency } = pinged;
  return { status: failure === undefined ? pinged.value : failure.status, failure, latency };
}
