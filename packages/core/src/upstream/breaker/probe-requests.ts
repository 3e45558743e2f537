import { LRUCache } from "lru-cache";
import { valuesOf } from "../../protocol/headers.ts";
import { baseRequest, isRead, type UpstreamRequest } from "../request.ts";

const mostTimedOut = 8;
const mostForgotten = 1_000;
// Probes have signals of their own.
const { signal: never } = new AbortController();
const base = baseRequest(never);

/**
 * Chooses the request of a half-open probe. Not `/v2/`: a cache answers that even when its public registry is away.
 *
 * - After errors: the last request that failed. Any request would do, but one image may fail for reasons of its own.
 * - After timeouts: a request that timed out, rotating over images, since a cache answers others from its store. If only one image
 *   timed out, a request for another image comes first.
 */
export class ProbeRequests {
  readonly #isHosted: boolean;
  readonly #clock: { now(): number };
  /** One request per image, the next one first. */
  readonly #timedOut = new Map<string, UpstreamRequest>();
  /** The last request that failed in another way, or was rejected by the open circuit. */
  #other: UpstreamRequest | undefined;
  /** When each image was last forgotten. Requests in flight at that time end later, and must not be learned. */
  readonly #forgotten = new LRUCache<string, number>({ max: mostForgotten });
  #allForgotten = Number.NEGATIVE_INFINITY;

  constructor(kind: "hosted" | "proxy", clock: { now(): number }) {
    this.#isHosted = kind === "hosted";
    this.#clock = clock;
  }

  failed(request: UpstreamRequest, signal: "failed" | "timeout"): void {
    if (!isTelling(request) || this.#wasForgotten(request)) {
      return;
    }
    if (signal === "timeout") {
      this.#putLast(withoutClient(request));
    } else {
      this.#other = withoutClient(request);
    }
  }

  rejected(request: UpstreamRequest): void {
    if (this.#wasForgotten(request)) {
      return;
    }
    if (isTelling(request)) {
      this.#other = withoutClient(request);
    } else if (this.#isHosted) {
      // Pushes cannot be repeated, and hosted may get nothing else.
      this.#other ??= base;
    }
  }

  next(openedByTimeouts: boolean): UpstreamRequest {
    const other = this.#other;
    if (other !== undefined && (!openedByTimeouts || this.#mayAskInstead(other))) {
      this.#other = openedByTimeouts ? undefined : other;
      return other;
    }
    const [timedOut] = this.#timedOut.values();
    if (timedOut !== undefined) {
      this.#putLast(timedOut);
    }
    return timedOut ?? other ?? base;
  }

  /** Makes probes no longer use earlier requests for this repository, or any earlier request. */
  forget(repository: string | undefined): void {
    if (repository === undefined) {
      this.#allForgotten = this.#clock.now();
      this.clear();
      return;
    }
    this.#forgotten.set(repository, this.#clock.now());
    this.#timedOut.delete(repository);
    if (this.#other?.repository === repository) {
      this.#other = undefined;
    }
  }

  clear(): void {
    this.#timedOut.clear();
    this.#other = undefined;
  }

  #wasForgotten(request: UpstreamRequest): boolean {
    const forgotten = this.#forgotten.get(nameOf(request)) ?? this.#allForgotten;
    return request.decided <= Math.max(this.#allForgotten, forgotten);
  }

  #mayAskInstead(other: UpstreamRequest): boolean {
    const isOneImage = this.#timedOut.size <= 1 && !this.#timedOut.has(nameOf(other));
    return isOneImage || (this.#isHosted && other !== base);
  }

  #putLast(request: UpstreamRequest): void {
    const name = nameOf(request);
    this.#timedOut.delete(name);
    this.#timedOut.set(name, request);
    const [oldest] = this.#timedOut.keys();
    if (this.#timedOut.size > mostTimedOut && oldest !== undefined) {
      this.#timedOut.delete(oldest);
    }
  }
}

export function nameOf({ repository }: UpstreamRequest): string {
  return repository ?? "";
}

/** Only reads can be repeated, and the time of a list says nothing. */
function isTelling({ method, list }: UpstreamRequest): boolean {
  return isRead(method) && list !== true;
}

/** A copy that the router can repeat without the client, with its own credentials or none. */
function withoutClient({ from, accept, range, ...request }: UpstreamRequest): UpstreamRequest {
  const { method, path, search, scope, repository, wanted, decided } = request;
  return {
    method,
    path,
    search,
    scope,
    repository,
    wanted,
    decided,
    signal: never,
    accept: accept ?? (from === undefined ? [] : valuesOf(from.request.rawHeaders, "accept")),
    ...(range !== undefined && { range }),
  };
}
