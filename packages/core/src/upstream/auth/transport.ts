import { UpstreamFailure } from "../../errors.ts";
import { valuesOf } from "../../protocol/headers.ts";
import type { UpstreamClient } from "../client.ts";
import { baseRequest, type Send, type UpstreamRequest } from "../request.ts";
import { errorBodyLimit, readUpTo } from "../transport/read-body.ts";
import type { UpstreamResponse } from "../transport/send.ts";
import type { Credentials, Offer, Remedy, Unauthorized } from "./credentials.ts";

const refusals: Partial<Record<Remedy, string>> = {
  "user refused": "refused the router's credentials",
  "realm refused": "asks for a token, but its challenge names no safe token endpoint",
};

/** Sends requests with the router's credentials, and answers challenges. */
export class AuthTransport {
  readonly #client: UpstreamClient;
  readonly #credentials: Credentials | undefined;
  /** The request that finds out the token endpoint, so that many clients at the start cause one. Never rejects. */
  #discovery: Promise<void> | undefined;

  /** @param credentials undefined if the client's own are passed through */
  constructor(client: UpstreamClient, credentials: Credentials | undefined) {
    this.#client = client;
    this.#credentials = credentials;
  }

  /**
   * Sends a request, and once more if the upstream refuses and the credentials then have something new.
   * @throws UpstreamFailure (`refused`) if the router could not authenticate; else as sending does
   */
  readonly send: Send = (request) => {
    const credentials = this.#credentials;
    if (request.anonymous === true) {
      return this.#client.send(request, undefined, false);
    }
    if (credentials === undefined) {
      return this.#client.send(request, passedThrough(request), false);
    }
    return request.stream === undefined && request.upload === undefined
      ? this.#sendAuthorized(request, credentials)
      : this.#sendOnce(request, credentials);
  };

  async #sendAuthorized(request: UpstreamRequest, credentials: Credentials): Promise<UpstreamResponse> {
    const { scope } = request;
    const sent = await credentials.headerAtFirst(scope);
    let answer = await this.#client.send(request, sent, false);
    if (answer.status !== 401) {
      credentials.noteAccepted({ sent, scope });
      return answer;
    }
    let remedy = learn(credentials, answer, { sent, scope, neutral: false });
    if (remedy === "ask neutrally" && this.#discovery !== undefined) {
      await this.#discovery;
      remedy = learn(credentials, answer, { sent, scope, neutral: false });
    }
    if (remedy === "ask neutrally") {
      await this.#setAside(answer);
      [answer, remedy] = await this.#discover(request, credentials, { sent, scope });
    }
    if (remedy === "repeat") {
      await this.#setAside(answer);
      const better = await credentials.header(scope);
      answer = await this.#client.send(request, better, false);
      remedy = learn(credentials, answer, { sent: better, scope, neutral: false });
    }
    const cause = refusals[remedy];
    if (cause !== undefined) {
      await this.#setAside(answer);
      throw new UpstreamFailure("refused", `${cause} (${answer.status})`, { status: answer.status });
    }
    return answer;
  }

  /** A stream cannot be sent again: a refusal stands, but is learned. */
  async #sendOnce(request: UpstreamRequest, credentials: Credentials): Promise<UpstreamResponse> {
    const { scope } = request;
    const sent = await this.#headerForBody(credentials, request);
    const answer = await this.#client.send(request, sent, false);
    learn(credentials, answer, { sent, scope, neutral: false });
    return answer;
  }

  /** Finds out what the upstream wants without sending the body. */
  async #headerForBody(
    credentials: Credentials,
    { scope, signal }: UpstreamRequest,
  ): Promise<string | undefined> {
    if (credentials.needsProbe()) {
      await this.#ping(signal);
    }
    try {
      return await credentials.header(scope);
    } catch {
      await this.#ping(signal);
      return credentials.header(scope);
    }
  }

  async #ping(signal: AbortSignal): Promise<void> {
    await this.#setAside(await this.send(baseRequest(signal)));
  }

  /** Finds out the token endpoint with a request that has no header of a client that could shape the challenge. */
  #discover(
    request: UpstreamRequest,
    credentials: Credentials,
    offer: Offer,
  ): Promise<[UpstreamResponse, Remedy]> {
    const found = this.#client
      .send(request, offer.sent, true)
      .then((answer): [UpstreamResponse, Remedy] => [
        answer,
        learn(credentials, answer, { ...offer, neutral: true }),
      ]);
    const end = () => {
      this.#discovery = undefined;
    };
    this.#discovery = found.then(end, end);
    return found;
  }

  /** Reads a response to its end, so that its connection can be used again. */
  async #setAside({ body }: UpstreamResponse): Promise<void> {
    await readUpTo(body, errorBodyLimit, this.#client.idle);
  }
}

/** The client's own `Authorization`, for an upstream that judges it. */
function passedThrough({ from, authorization }: UpstreamRequest): string | undefined {
  return from === undefined ? authorization : from.request.headers.authorization;
}

function learn(
  credentials: Credentials,
  { status, headers }: UpstreamResponse,
  asked: Omit<Unauthorized, "challenges">,
): Remedy {
  if (status !== 401) {
    credentials.noteAccepted(asked);
    return "none";
  }
  return credentials.refused({ ...asked, challenges: valuesOf(headers, "www-authenticate") });
}
