import type { FailureReport } from "../routing/classify.ts";
import type { Upstream } from "./upstream.ts";
import { withTimeout } from "./with-timeout.ts";

/** The last answer to `GET /v2/`. */
export interface Ping {
  readonly status: number | undefined;
  readonly failure: FailureReport | undefined;
  readonly latency: number;
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

/** With passed-through credentials, 401 counts as up: the ping has none. */
export function isUp(upstream: Upstream, { status }: Ping): boolean {
  return status === 200 || (upstream.passthrough && status === 401);
}

async function pingNow(upstream: Upstream): Promise<Ping> {
  const pinged = await withTimeout(upstream.timeouts.ping, (signal) => upstream.ping(signal));
  const { failure, latency } = pinged;
  return { status: failure === undefined ? pinged.value : failure.status, failure, latency };
}
