import { Semaphore } from "../concurrency/semaphore.ts";
import type { CompleteUpstream } from "../config/complete.ts";
import type { CredentialsConfig } from "../config/upstream-options.ts";
import { ClientAborted, CopyFailure, UpstreamFailure, upstreamFailure } from "../errors.ts";
import { basicAuthorization } from "../protocol/challenge.ts";
import { rateLimitRemaining } from "../protocol/headers.ts";
import type { SessionAddress } from "../protocol/session-address.ts";
import { type FailureReport, isFound, isUnasked, type QueryResult } from "../routing/classify.ts";
import { Patterns } from "../routing/patterns.ts";
import type { Candidate } from "../routing/ruling.ts";
import { Credentials } from "./auth/credentials.ts";
import { AuthorizedSender } from "./auth/send-authorized.ts";
import { requestTokenOver } from "./auth/token-endpoint.ts";
import { Breaker, type BreakerContext, type BreakerState } from "./breaker/breaker.ts";
import { UpstreamClient } from "./client.ts";
import { RedirectFollower } from "./follow.ts";
import { askBase } from "./pings.ts";
import { objected, outcomeOf, type QueryOutcome } from "./query-outcome.ts";
import { isRead, type Send, type UpstreamRequest } from "./request.ts";
import { follow, headByGet, limit, readdress } from "./stages.ts";
import { type Agents, createAgents } from "./transport/agents.ts";
import { errorBodyLimit, readUpTo } from "./transport/read-body.ts";
import type { UpstreamResponse } from "./transport/send.ts";
import { type Asked, UploadAddresses, type UploadTarget } from "./upload-addresses.ts";
import type { BaseAnswer } from "./usable.ts";

export interface UpstreamContext {
  readonly via: string;
  /** Milliseconds that a client may stand still. */
  readonly clientIdle: number;
  readonly observer: UpstreamObserver;
}

export interface UpstreamObserver {
  breakerChanged(upstream: Upstream): void;
  /**
   * Called for each request that was sent, unless its client left.
   * @param seconds until the outcome was known
   * @param answered whether there was a response
   */
  asked(upstream: Upstream, outcome: QueryResult, seconds: number, answered: boolean): void;
  /** @param remaining the `RateLimit-Remaining` of a response */
  granted(upstream: Upstream, remaining: number): void;
}

// Requests that bypass an open circuit, because no other upstream has the content. Each may take a second, so the last one in the
// queue waits up to eight seconds.
const mostBypassing = 8;
const mostWaitingToBypass = 64;

export class Upstream implements Candidate {
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  readonly passthrough: boolean;
  readonly url: URL;
  /** Other hosts by which it names itself. */
  readonly aliases: readonly string[];
  readonly namespace: string | undefined;
  readonly hosts: readonly string[];
  readonly timeouts: CompleteUpstream["timeouts"];
  /** Whether the router has a user of its own there. */
  readonly hasCredentials: boolean;
  /** What an error of the upstream must not repeat to clients and logs. */
  readonly #secrets: readonly string[];
  readonly #patterns: Patterns;
  readonly #libraryPrefix: boolean;
  readonly #observer: UpstreamObserver;
  readonly #agents: Agents;
  readonly #uploads: UploadAddresses;
  readonly #breaker: Breaker | undefined;
  // Stages that a request goes through, composed in the constructor.
  readonly #checked: Send;
  readonly #bypassing: Send;
  readonly #inspecting: Send;
  readonly #ping: (signal: AbortSignal) => Promise<BaseAnswer>;

  constructor(config: CompleteUpstream, { via, clientIdle, observer }: UpstreamContext) {
    this.name = config.name;
    this.kind = config.kind;
    this.url = config.url;
    this.aliases = config.aliases;
    this.namespace = config.namespace;
    this.hosts = config.hosts;
    this.#patterns = new Patterns([config.match]);
    this.#libraryPrefix = config.libraryPrefix;
    this.timeouts = config.timeouts;
    this.passthrough = config.auth === "passthrough";
    this.hasCredentials = typeof config.auth === "object";
    this.#secrets = typeof config.auth === "object" ? secretsOf(config.auth) : [];
    this.#observer = observer;
    this.#agents = createAgents(config);
    const requestToken = requestTokenOver(this.#agents, config);
    const credentials =
      config.auth === "passthrough" ? undefined : new Credentials(config.auth, config.url, requestToken);
    const client = new UpstreamClient(config, { via, agents: this.#agents, clientIdle });

    this.#uploads = new UploadAddresses(config, client, (repository) => this.nameOf(repository));
    const follower = new RedirectFollower(client, { ...config, requestToken });

    // Composed inside out: a request enters at the last stage, and ends at the client.
    const auth = new AuthorizedSender(client, credentials);
    const authorized = auth.send;
    this.#breaker =
      config.breaker && new Breaker(config.breaker, this.#breakerContext(authorized), authorized);
    const followed = readdress(this.#uploads, follow(follower, this.#breaker?.send ?? authorized));
    // An open circuit rejects requests at once, so these need no slot. Bodies of pushes and the router's own writes take none: there
    // are no more of them than clients.
    const breaker = this.#breaker;
    const queues = ({ method, from, body, upload }: UpstreamRequest) =>
      (isRead(method) || (from !== undefined && body === undefined && upload === undefined)) &&
      (breaker === undefined || breaker.state === "closed");
    const prepared: Send = async (request) => {
      if (this.state === "closed") {
        await auth.prepare(request);
      }
      return followed(request);
    };
    const slots = new Semaphore(config.lookups.concurrent, config.lookups.queued);
    const withGet = headByGet(client);
    this.#checked = withGet(limit(slots, queues, prepared));

    const bypass = new Semaphore(mostBypassing, mostWaitingToBypass);
    const bypassing = readdress(this.#uploads, follow(follower, authorized));
    this.#bypassing = withGet(limit(bypass, () => true, bypassing));
    this.#inspecting = follow(follower, authorized);
    this.#ping = (signal) => askBase(client, auth, signal);
  }

  serves(repository: string): boolean {
    return this.#patterns.first(repository) !== undefined;
  }

  /** The upstream's name of a repository: `library/nginx` for `nginx` at Docker Hub. */
  nameOf(repository: string): string {
    return this.#libraryPrefix && !repository.includes("/") ? `library/${repository}` : repository;
  }

  /** The address of an upload session that a client names. @throws RegistryError if the router did not give it to a client */
  sessionAt(repository: string, session: string): SessionAddress {
    return this.#uploads.open(repository, session);
  }

  /** Where an upload is that the router itself has begun there. Undefined if that is no place in this registry and repository. */
  uploadAt(location: string, asked: Asked, publicHost: string | undefined): UploadTarget | undefined {
    return this.#uploads.locate(location, asked, publicHost);
  }

  /** The body of an error, without the router's credentials: some servers repeat what they refuse. */
  withoutSecrets(body: Buffer): Buffer {
    const text = this.#secrets.some((secret) => body.includes(secret)) ? body.toString() : undefined;
    return text === undefined
      ? body
      : Buffer.from(this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), text));
  }

  get state(): BreakerState {
    return this.#breaker?.state ?? "closed";
  }

  /**
   * Sends a request and classifies the response. The body of an error has been read, up to a limit.
   * @throws ClientAborted; CopyFailure if the stream that it sends fails with one
   */
  async query(request: UpstreamRequest): Promise<QueryOutcome> {
    const begun = performance.now();
    let response: UpstreamResponse;
    try {
      response = await (request.bypassBreaker === true ? this.#bypassing(request) : this.#checked(request));
    } catch (error) {
      if (error instanceof ClientAborted || error instanceof CopyFailure) {
        throw error;
      }
      const failure = upstreamFailure(error).report;
      this.#failed(failure, begun);
      return { outcome: "failed", failure };
    }
    const said: QueryOutcome =
      response.objection !== undefined
        ? objected(response, response.objection)
        : isFound(response.status)
          ? { outcome: "found", answer: response, body: response.read }
          : await outcomeOf(this, response);
    if (said.outcome === "failed") {
      this.#failed(said.failure, begun, response);
    } else {
      this.#asked(said.outcome === "final" ? "found" : said.outcome, begun, response);
    }
    return said;
  }

  /**
   * Sends a request whose response goes to the client, whatever its status.
   * @throws UpstreamFailure, ClientAborted
   */
  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const begun = performance.now();
    let response: UpstreamResponse;
    try {
      response = await this.#checked(request);
    } catch (error) {
      if (error instanceof ClientAborted) {
        throw error;
      }
      const failure = upstreamFailure(error);
      this.#failed(failure.report, begun);
      throw failure;
    }
    const { status, objection } = response;
    if (objection !== undefined) {
      const { failure } = objected(response, objection);
      this.#failed(failure, begun, response);
      throw new UpstreamFailure(failure.kind, failure.cause, { status });
    }
    const failed = status >= 500 || (status === 401 && !this.passthrough);
    this.#asked(failed ? "failed" : "found", begun, response);
    return response;
  }

  /**
   * Sends a request for `explain` and `check`: it bypasses the circuit breaker, and is not counted.
   * @throws UpstreamFailure, ClientAborted
   */
  inspect(request: UpstreamRequest): Promise<UpstreamResponse> {
    return this.#inspecting(request);
  }

  /**
   * Requests `/v2/` with the router's own credentials, and follows redirects.
   * @throws UpstreamFailure, ClientAborted
   */
  ping(signal: AbortSignal): Promise<BaseAnswer> {
    return this.#ping(signal);
  }

  /** Begins a half-open probe in the background, if the circuit is open and it is time to. */
  probeIfDue(): void {
    this.#breaker?.probeIfDue();
  }

  /** Makes probes no longer use earlier requests for this repository, or any earlier request. */
  dropProbe(repository?: string): void {
    this.#breaker?.forget(repository);
  }

  /** `back` if the circuit is closed by now; `maybe` if timeouts opened it, since a cache may still serve what it has. */
  async retryMode(): Promise<"back" | "maybe" | undefined> {
    if (this.#breaker === undefined || (await this.#breaker.awaitProbe())) {
      return "back";
    }
    return this.#breaker.openedByTimeouts ? "maybe" : undefined;
  }

  close(): void {
    this.#agents.close();
  }

  #failed(failure: FailureReport, begun: number, response?: UpstreamResponse): void {
    if (isUnasked(failure)) {
      return;
    }
    if (response === undefined) {
      const seconds = (performance.now() - begun) / 1000;
      this.#observer.asked(this, "failed", seconds, failure.status !== undefined);
    } else {
      this.#asked("failed", begun, response);
    }
  }

  #asked(outcome: QueryResult, begun: number, { headers }: UpstreamResponse): void {
    const remaining = rateLimitRemaining(headers);
    if (remaining !== undefined) {
      this.#observer.granted(this, remaining);
    }
    this.#observer.asked(this, outcome, (performance.now() - begun) / 1000, true);
  }

  #breakerContext(authorized: Send): BreakerContext {
    const { kind, timeouts } = this;
    return {
      kind,
      timeout: timeouts.headers,
      probe: async (request) => {
        const response = await authorized(request);
        // Only the status counts.
        void readUpTo(response.body, errorBodyLimit, request.timeout ?? timeouts.headers);
        return response;
      },
      stateChanged: () => this.#observer.breakerChanged(this),
    };
  }
}

function secretsOf(user: CredentialsConfig): readonly string[] {
  const [, basic = ""] = basicAuthorization(user).split(" ");
  return [user.password, basic].filter((secret) => secret !== "");
}
