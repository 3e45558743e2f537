import type { CompleteUpstream } from "../config/complete.ts";
import type { Activity } from "../observe/activity.ts";
import type { Metrics } from "../observe/metrics.ts";
import { valuesOf } from "../protocol/headers.ts";
import { Patterns } from "../routing/patterns.ts";
import type { Candidate } from "../routing/ruling.ts";
import { Credentials } from "./auth/credentials.ts";
import { requestTokenOver } from "./auth/token-endpoint.ts";
import type { BreakerState } from "./breaker/breaker.ts";
import { UpstreamGate } from "./breaker/gate.ts";
import { UpstreamClient } from "./client.ts";
import { base, type InternalRequest, isRead, type Origin, type UpstreamRequest } from "./request.ts";
import { type Agents, createAgents } from "./transport/agents.ts";
import { type Delivery, Forwarder } from "./transport/forward.ts";
import { errorBodyLimit, readUpTo, readWhole } from "./transport/read-body.ts";
import type { UpstreamResponse } from "./transport/send.ts";

/** What the router as a whole contributes to every upstream. */
export interface UpstreamContext {
  /** The router's name in `Via`. */
  readonly via: string;
  /** Milliseconds that a client may stand still. */
  readonly clientIdle: number;
  /** Told when an upstream is left out, tried, or asked again. */
  breakerChanged(upstream: Upstream): void;
  readonly observer: UpstreamObserver;
}

/** Who counts what upstreams are asked and answer. It outlasts configurations, as upstreams do. */
export interface UpstreamObserver {
  readonly metrics: Metrics;
  activity: Activity | undefined;
}

/** One registry behind the router: whether it is asked, and how. */
export class Upstream implements Candidate {
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  readonly passthrough: boolean;
  readonly url: URL;
  readonly namespace: string | undefined;
  readonly hosts: readonly string[];
  readonly timeouts: CompleteUpstream["timeouts"];
  /** Whether the router has a user of its own there. */
  readonly hasCredentials: boolean;
  readonly observer: UpstreamObserver;
  readonly #patterns: Patterns;
  readonly #libraryPrefix: boolean;
  readonly #agents: Agents;
  readonly #credentials: Credentials | undefined;
  readonly #client: UpstreamClient;
  readonly #forwarder: Forwarder;
  readonly #gate: UpstreamGate;

  constructor(config: CompleteUpstream, { via, clientIdle, breakerChanged, observer }: UpstreamContext) {
    this.observer = observer;
    this.name = config.name;
    this.kind = config.kind;
    this.url = config.url;
    this.namespace = config.namespace;
    this.hosts = config.hosts;
    this.#patterns = new Patterns([config.match]);
    this.#libraryPrefix = config.libraryPrefix;
    this.timeouts = config.timeouts;
    this.passthrough = config.auth === "passthrough";
    this.hasCredentials = typeof config.auth === "object";
    this.#agents = createAgents(config);
    this.#credentials =
      config.auth === "passthrough"
        ? undefined
        : new Credentials(config.auth, config.url, requestTokenOver(this.#agents, config));
    this.#client = new UpstreamClient(config, { via, agents: this.#agents, credentials: this.#credentials });
    this.#forwarder = new Forwarder(config, this.#agents, {
      connectTimeout: config.timeouts.connect,
      answerTimeout: config.timeouts.write,
      upstreamIdle: config.timeouts.idle,
      clientIdle,
    });
    this.#gate = new UpstreamGate(config, {
      kind: config.kind,
      timeout: config.timeouts.headers,
      probe: (asked, timeout) => this.#probe(asked, timeout),
      changed: () => breakerChanged(this),
    });
  }

  serves(repository: string): boolean {
    return this.#patterns.first(repository) !== undefined;
  }

  /** What it calls a repository: Docker Hub's `nginx` is `library/nginx` there. */
  nameOf(repository: string): string {
    return this.#libraryPrefix && !repository.includes("/") ? `library/${repository}` : repository;
  }

  /** Whether it is asked, left out, or being tried. */
  get state(): BreakerState {
    return this.#gate.state;
  }

  /**
   * Asks on behalf of a client: one request, but for a token to be fetched or a kept connection found dead. None if the
   * upstream is left out.
   * @throws UpstreamFailure, ClientGone
   */
  ask(asked: UpstreamRequest, from: Origin): Promise<UpstreamResponse> {
    const own = toInternal(asked, from);
    const work = () => this.#client.ask(asked, from);
    const finish = (answer: UpstreamResponse) => this.#client.follow(answer, asked, from);
    if (asked.body !== undefined) {
      // A push: their number is that of the clients.
      return this.#gate.send(own, work);
    }
    if (asked.bypassBreaker === true) {
      return this.#gate.sendBypassingBreaker(from.signal, async () => finish(await work()));
    }
    if (asked.shareable === true) {
      const read = (answer: UpstreamResponse) =>
        readWhole(answer, asked.method, this.timeouts.idle, from.signal);
      const end = (answer: UpstreamResponse) =>
        answer.read === undefined ? finish(answer).then(read) : answer;
      return this.#gate.ask(own, from.signal, () => work().then(read), end);
    }
    return this.#gate.ask(own, from.signal, work, finish);
  }

  /**
   * Asks for the router's own ends.
   * @throws UpstreamFailure, ClientGone; CopyFailure if that is what a body that streams broke off with
   */
  sendInternal(own: InternalRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    const work = () => this.#client.sendInternal(own, signal);
    const finish = (answer: UpstreamResponse) => this.#client.followAlone(answer, own, signal);
    return isRead(own.asked.method) ? this.#gate.ask(own, signal, work, finish) : this.#gate.send(own, work);
  }

  /** If it is left out and it is time to, tries in the background whether it is back. */
  probeIfDue(): void {
    this.#gate.probeIfDue();
  }

  /** Whether there is still hope in an upstream that was left out: it is back, or it may have some things. */
  bypassBreaker(): Promise<"back" | "maybe" | undefined> {
    return this.#gate.bypassBreaker();
  }

  /**
   * Streams a client's request, body and all, to this upstream.
   * @throws UpstreamFailure, ClientGone
   */
  async forward(
    asked: UpstreamRequest,
    from: Origin,
    delivery: Pick<Delivery, "response" | "transferred">,
  ): Promise<UpstreamResponse> {
    const sent = await this.#headerForBody(asked, from);
    const answer = await this.#gate.send(toInternal(asked, from), () =>
      this.#forwarder.forward({
        ...delivery,
        request: from.request,
        method: asked.method,
        path: this.#client.target(asked),
        headers: this.#client.headers(asked, from, {
          authorization: sent ?? this.#client.passedThrough(from),
          body: asked.opaque === true ? "opaque" : "typed",
        }),
        signal: from.signal,
      }),
    );
    this.#client.learn(answer, { sent, scope: asked.scope, neutral: false });
    return answer;
  }

  /**
   * The status of this upstream's `/v2/`, asked with the router's own credentials.
   * @throws UpstreamFailure, ClientGone
   */
  async ping(signal: AbortSignal): Promise<number> {
    const answer = await this.#client.sendInternal(base, signal);
    await readUpTo(answer.body, errorBodyLimit, this.timeouts.ping);
    return answer.status;
  }

  /** A trial shall not ask for what it was last asked for: of this repository, or whatever it was. */
  dropProbe(repository?: string): void {
    this.#gate.forget(repository);
  }

  /**
   * Asks on nobody's behalf, past the breaker and without consequences for it: to tell people what the upstream says.
   * @throws UpstreamFailure, ClientGone
   */
  inspect(own: InternalRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    return this.#client.sendInternal(own, signal);
  }

  /**
   * The same without making itself known, to see what the upstream says to strangers.
   * @throws UpstreamFailure, ClientGone
   */
  inspectAnonymously(own: InternalRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    return this.#client.sendAnonymously(own, signal);
  }

  /** Closes every connection, used or kept. */
  close(): void {
    this.#agents.close();
  }

  /** A body cannot be sent twice, so how the upstream wants to be addressed is found out without one. */
  async #headerForBody({ scope }: UpstreamRequest, { signal }: Origin): Promise<string | undefined> {
    if (this.#credentials?.needsProbe() === true) {
      await this.ping(signal);
    }
    try {
      return await this.#credentials?.header(scope);
    } catch {
      await this.ping(signal);
      return this.#credentials?.header(scope);
    }
  }

  async #probe(asked: InternalRequest, timeout: number): Promise<UpstreamResponse> {
    const answer = await this.#client.sendInternal(asked, new AbortController().signal, timeout);
    // Its head is what was asked for.
    void readUpTo(answer.body, errorBodyLimit, timeout);
    return answer;
  }
}

/** An errand as it can be repeated when its client is gone. */
function toInternal(asked: UpstreamRequest, { request }: Origin): InternalRequest {
  return { asked, accept: valuesOf(request.rawHeaders, "accept") };
}
