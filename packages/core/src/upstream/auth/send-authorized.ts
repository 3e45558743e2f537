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
export class AuthorizedSender {
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
      const { from, authorization } = request;
      return this.#client.send(request, from ? from.request.headers.authorization : authorization, false);
    }
    return request.stream === undefined && request.upload === undefined
      ? this.#sendAuthorized(request, credentials)
      : this.#sendOnce(request, credentials);
  };

  /**
   * Fetches the token for a client's upload in advance, so that a failure of the token endpoint does not count as one of the upstream.
   * @throws UpstreamFailure, ClientAborted
   */
  async prepare(request: UpstreamRequest): Promise<void> {
    if (request.upload !== undefined && this.#credentials !== undefined) {
      await this.#headerForBody(request, this.#credentials);
    }
  }

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
      await this.#discard(answer);
      [answer, remedy] = await this.#discover(request, credentials, { sent, scope });
    }
    if (remedy === "repeat") {
      await this.#discard(answer);
      const better = await credentials.header(scope);
      answer = await this.#client.send(request, better, false);
      remedy = learn(credentials, answer, { sent: better, scope, neutral: false });
    }
    const cause = refusals[remedy];
    if (cause !== undefined) {
      await this.#discard(answer);
      throw new UpstreamFailure("refused", `${cause} (${answer.status})`, { status: answer.status });
    }
    return answer;
  }

  /** A stream cannot be sent again: a refusal stands, but is learned. */
  async #sendOnce(request: UpstreamRequest, credentials: Credentials): Promise<UpstreamResponse> {
    const { scope } = request;
    const sent = await this.#headerForBody(request, credentials);
    const answer = await this.#client.send(request, sent, false);
    learn(credentials, answer, { sent, scope, neutral: false });
    return answer;
  }

  /** Finds out what the upstream wants by a request without a body. */
  async #headerForBody(
    { scope, signal }: UpstreamRequest,
    credentials: Credentials,
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
    await this.#discard(await this.send(baseRequest(signal)));
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
  async #discard({ body }: UpstreamResponse): Promise<void> {
    await readUpTo(body, errorBodyLimit, this.#client.idle);
  }
}

function learn(
  credentials: Credentials,
  { status, headers }: UpstreamResponse,
  offer: Omit<Unauthorized, "challenges">,
): Remedy {
  if (status !== 401) {
    credentials.noteAccepted(offer);
    return "none";
  }
  return credentials.refused({ ...offer, challenges: valuesOf(headers, "www-authenticate") });
}
