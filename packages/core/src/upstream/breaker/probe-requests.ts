import { LRUCache } from "lru-cache";
import { valuesOf } from "../../protocol/headers.ts";
import { baseRequest, isRead, type UpstreamRequest } from "../request.ts";

const mostLate = 8;
const mostForgotten = 1_000;
// Probes have signals of their own.
const { signal: never } = new AbortController();
const base = baseRequest(never);

/**
 * What an upstream that is left out is tried with. `/v2/` would tell nothing about a cache's public registry.
 *
 * If it failed, any request will do, and another one each time is better: one image may fail for reasons of its own.
 *
 * If it was late, what was late has to be asked once more, each image in turn: what a cache has at hand tells nothing. As
 * long as all that was late is one image, though, another one is asked first. Hosted has everything at hand, or nothing.
 */
export class ProbeRequests {
  readonly #isHosted: boolean;
  readonly #clock: { now(): number };
  /** One request per image, the one to be asked next first. */
  readonly #late = new Map<string, UpstreamRequest>();
  /** The last request that failed otherwise, or found the upstream left out. */
  #other: UpstreamRequest | undefined;
  /** Images, and when each was last forgotten: requests that were under way then end later. */
  readonly #forgotten = new LRUCache<string, number>({ max: mostForgotten });
  #allForgotten = Number.NEGATIVE_INFINITY;

  constructor(kind: "hosted" | "proxy", clock: { now(): number }) {
    this.#isHosted = kind === "hosted";
    this.#clock = clock;
  }

  /** A request was not answered as it should be. */
  failed(request: UpstreamRequest, signal: "failed" | "late"): void {
    if (!isTelling(request) || this.#wasForgotten(request)) {
      return;
    }
    if (signal === "late") {
      this.#putLast(withoutClient(request));
    } else {
      this.#other = withoutClient(request);
    }
  }

  /** A request found the circuit open. */
  rejected(request: UpstreamRequest): void {
    if (this.#wasForgotten(request)) {
      return;
    }
    if (isTelling(request)) {
      this.#other = withoutClient(request);
    } else if (this.#isHosted) {
      // Pushes cannot be repeated. Where nothing else comes, hosted has to come back for them all the same.
      this.#other ??= base;
    }
  }

  /** What to ask next. */
  next(openedByTimeouts: boolean): UpstreamRequest {
    const other = this.#other;
    if (other !== undefined && (!openedByTimeouts || this.#mayAskInstead(other))) {
      this.#other = openedByTimeouts ? undefined : other;
      return other;
    }
    const [late] = this.#late.values();
    if (late !== undefined) {
      this.#putLast(late);
    }
    return late ?? other ?? base;
  }

  /** It is not to be tried with anything of this repository that was asked for until now; of no repository, if none is given. */
  forget(repository: string | undefined): void {
    if (repository === undefined) {
      this.#allForgotten = this.#clock.now();
      this.clear();
      return;
    }
    this.#forgotten.set(repository, this.#clock.now());
    this.#late.delete(repository);
    if (this.#other?.repository === repository) {
      this.#other = undefined;
    }
  }

  /** The upstream is asked again. */
  clear(): void {
    this.#late.clear();
    this.#other = undefined;
  }

  #wasForgotten(request: UpstreamRequest): boolean {
    const forgotten = this.#forgotten.get(nameOf(request)) ?? this.#allForgotten;
    return request.decided <= Math.max(this.#allForgotten, forgotten);
  }

  #mayAskInstead(other: UpstreamRequest): boolean {
    const isOneImage = this.#late.size <= 1 && !this.#late.has(nameOf(other));
    return isOneImage || (this.#isHosted && other !== base);
  }

  #putLast(request: UpstreamRequest): void {
    const name = nameOf(request);
    this.#late.delete(name);
    this.#late.set(name, request);
    const [oldest] = this.#late.keys();
    if (this.#late.size > mostLate && oldest !== undefined) {
      this.#late.delete(oldest);
    }
  }
}

/** The image that a request is about. */
export function nameOf({ repository }: UpstreamRequest): string {
  return repository ?? "";
}

/** What can be asked again, and takes no longer than it should. */
function isTelling({ method, list }: UpstreamRequest): boolean {
  return isRead(method) && list !== true;
}

/** A request as it can be repeated when its client is gone: by the router, with the router's own credentials or none. */
function withoutClient({ from, accept, range, ...request }: UpstreamRequest): UpstreamRequest {
  const { method, path, search, scope, repository, decided } = request;
  return {
    method,
    path,
    search,
    scope,
    repository,
    decided,
    signal: never,
    accept: accept ?? (from === undefined ? [] : valuesOf(from.request.rawHeaders, "accept")),
    ...(range !== undefined && { range }),
  };
}
