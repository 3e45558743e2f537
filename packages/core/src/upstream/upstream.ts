import type { CompleteUpstream } from "../config/complete.ts";
import { valuesOf } from "../protocol/headers.ts";
import type { Candidate } from "../routing/member.ts";
import { Patterns } from "../routing/patterns.ts";
import { type Agents, createAgents } from "./agents.ts";
import type { Answer } from "./ask.ts";
import { Asker } from "./asker.ts";
import { errorBodyLimit, readBounded } from "./bounded-body.ts";
import type { BreakerState } from "./breaker.ts";
import { Credentials } from "./credentials.ts";
import { base, type Errand, isRead, type OwnErrand, type Sender } from "./errand.ts";
import { type Delivery, Forwarder } from "./forwarder.ts";
import { Guard } from "./guard.ts";
import { inHand } from "./in-hand.ts";
import { requestTokenOver } from "./token-request.ts";

/** What the router as a whole contributes to every upstream. */
export interface UpstreamContext {
  /** The router's name in `Via`. */
  readonly via: string;
  /** Milliseconds that a client may stand still. */
  readonly clientIdle: number;
  /** Told when an upstream is left out, tried, or asked again. */
  breakerChanged(upstream: Upstream): void;
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
  readonly #patterns: Patterns;
  readonly #libraryPrefix: boolean;
  readonly #agents: Agents;
  readonly #credentials: Credentials | undefined;
  readonly #asker: Asker;
  readonly #forwarder: Forwarder;
  readonly #guard: Guard;

  constructor(config: CompleteUpstream, { via, clientIdle, breakerChanged }: UpstreamContext) {
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
    this.#asker = new Asker(config, { via, agents: this.#agents, credentials: this.#credentials });
    this.#forwarder = new Forwarder(config, this.#agents, {
      connectTimeout: config.timeouts.connect,
      answerTimeout: config.timeouts.write,
      upstreamIdle: config.timeouts.idle,
      clientIdle,
    });
    this.#guard = new Guard(config, {
      kind: config.kind,
      patience: config.timeouts.headers,
      trial: (asked, patience) => this.#trial(asked, patience),
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
    return this.#guard.state;
  }

  /**
   * Asks on behalf of a client: one request, but for a token to be fetched or a kept connection found dead. None if the
   * upstream is left out.
   * @throws UpstreamFailure, ClientGone
   */
  ask(errand: Errand, from: Sender): Promise<Answer> {
    const own = ownErrand(errand, from);
    const work = () => this.#asker.ask(errand, from);
    const finish = (answer: Answer) => this.#asker.follow(answer, errand, from);
    if (errand.body !== undefined) {
      // A push: their number is that of the clients.
      return this.#guard.send(own, work);
    }
    if (errand.lastChance === true) {
      return this.#guard.askAnyway(from.signal, async () => finish(await work()));
    }
    if (errand.forAll === true) {
      const read = (answer: Answer) => inHand(answer, errand.method, this.timeouts.idle, from.signal);
      const end = (answer: Answer) => (answer.read === undefined ? finish(answer).then(read) : answer);
      return this.#guard.ask(own, from.signal, () => work().then(read), end);
    }
    return this.#guard.ask(own, from.signal, work, finish);
  }

  /**
   * Asks for the router's own ends.
   * @throws UpstreamFailure, ClientGone; CopyFailure if that is what a body that streams broke off with
   */
  askAlone(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    const work = () => this.#asker.askAlone(own, signal);
    const finish = (answer: Answer) => this.#asker.followAlone(answer, own, signal);
    return isRead(own.errand.method)
      ? this.#guard.ask(own, signal, work, finish)
      : this.#guard.send(own, work);
  }

  /** If it is left out and it is time to, tries in the background whether it is back. */
  tryAgain(): void {
    this.#guard.tryAgain();
  }

  /** Whether there is still hope in an upstream that was left out: it is back, or it may have some things. */
  lastChance(): Promise<"back" | "maybe" | undefined> {
    return this.#guard.lastChance();
  }

  /**
   * Streams a client's request, body and all, to this upstream.
   * @throws UpstreamFailure, ClientGone
   */
  async forward(
    errand: Errand,
    from: Sender,
    delivery: Pick<Delivery, "response" | "moved">,
  ): Promise<Answer> {
    const sent = await this.#headerForBody(errand, from);
    const answer = await this.#guard.send(ownErrand(errand, from), () =>
      this.#forwarder.forward({
        ...delivery,
        request: from.request,
        method: errand.method,
        path: this.#asker.target(errand),
        headers: this.#asker.headers(errand, from, {
          authorization: sent ?? this.#asker.passedThrough(from),
          body: errand.opaque === true ? "opaque" : "typed",
        }),
        signal: from.signal,
      }),
    );
    this.#asker.learn(answer, { sent, scope: errand.scope, neutral: false });
    return answer;
  }

  /**
   * The status of this upstream's `/v2/`, asked with the router's own credentials.
   * @throws UpstreamFailure, ClientGone
   */
  async ping(signal: AbortSignal): Promise<number> {
    const answer = await this.#asker.askAlone(base, signal);
    await readBounded(answer.body, errorBodyLimit, this.timeouts.ping);
    return answer.status;
  }

  /** A trial shall not ask for what it was last asked for: of this repository, or whatever it was. */
  forgetSuspect(repository?: string): void {
    this.#guard.forget(repository);
  }

  /**
   * Asks on nobody's behalf, past the breaker and without consequences for it: to tell people what the upstream says.
   * @throws UpstreamFailure, ClientGone
   */
  inspect(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    return this.#asker.askAlone(own, signal);
  }

  /**
   * The same without making itself known, to see what the upstream says to strangers.
   * @throws UpstreamFailure, ClientGone
   */
  inspectAsStranger(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    return this.#asker.askAsStranger(own, signal);
  }

  /** Closes every connection, used or kept. */
  close(): void {
    this.#agents.close();
  }

  /** A body cannot be sent twice, so how the upstream wants to be addressed is found out without one. */
  async #headerForBody({ scope }: Errand, { signal }: Sender): Promise<string | undefined> {
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

  async #trial(asked: OwnErrand, patience: number): Promise<Answer> {
    const answer = await this.#asker.askAlone(asked, new AbortController().signal, patience);
    // Its head is what was asked for.
    void readBounded(answer.body, errorBodyLimit, patience);
    return answer;
  }
}

/** An errand as it can be repeated when its client is gone. */
function ownErrand(errand: Errand, { request }: Sender): OwnErrand {
  return { errand, accept: valuesOf(request.rawHeaders, "accept") };
}
