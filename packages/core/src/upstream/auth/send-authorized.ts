import { UpstreamFailure } from "../../errors.ts";
import type { UpstreamClient } from "../client.ts";
import { baseRequest, type Send, type UpstreamRequest } from "../request.ts";
import { errorBodyLimit, peekError, readUpTo } from "../transport/read-body.ts";
import type { UpstreamResponse } from "../transport/send.ts";
import { type Credentials, mayRefuse, type Offer, type Remedy } from "./credentials.ts";
import { type CredentialsVerdict, refusalOf } from "./verdict.ts";

const refusals: Partial<Record<Remedy, string>> = {
  "user refused": "refused the router's credentials",
  "token refused": "refused the router's token",
  "realm refused": "asks for a token, but its challenge names no safe token endpoint",
};

/** An answer that may refuse what was sent, and what it says about that. */
interface Peeked {
  readonly answer: UpstreamResponse;
  readonly refusal: CredentialsVerdict;
}

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
    const answer = await this.#client.send(request, sent, false);
    if (!mayRefuse(answer.status, sent)) {
      credentials.noteAccepted({ sent, scope });
      return answer;
    }
    return this.#answerRefusal(request, credentials, { sent, scope }, await this.#peek(answer, sent));
  }

  async #answerRefusal(
    request: UpstreamRequest,
    credentials: Credentials,
    offer: Offer,
    first: Peeked,
  ): Promise<UpstreamResponse> {
    const { scope } = offer;
    let peeked = first;
    let remedy = learn(credentials, peeked, { ...offer, neutral: false });
    if (remedy === "ask neutrally" && this.#discovery !== undefined) {
      await this.#discovery;
      remedy = learn(credentials, peeked, { ...offer, neutral: false });
    }
    if (remedy === "ask neutrally") {
      await this.#discard(peeked.answer);
      [peeked, remedy] = await this.#discover(request, credentials, offer);
    }
    // Twice: the first token may be one that is not valid, not yet or no longer.
    for (let tries = 0; tries < 2 && remedy === "repeat"; tries += 1) {
      await this.#discard(peeked.answer);
      const better = await credentials.header(scope);
      peeked = await this.#peek(await this.#client.send(request, better, false), better);
      remedy = learn(credentials, peeked, { sent: better, scope, neutral: false });
    }
    return this.#unlessRefused(peeked, remedy, credentials);
  }

  /** A stream cannot be sent again: a refusal stands, but is learned. */
  async #sendOnce(request: UpstreamRequest, credentials: Credentials): Promise<UpstreamResponse> {
    const { scope } = request;
    const sent = await this.#headerForBody(request, credentials);
    const answer = await this.#client.send(request, sent, false);
    if (!mayRefuse(answer.status, sent)) {
      credentials.noteAccepted({ sent, scope });
      return answer;
    }
    const peeked = await this.#peek(answer, sent);
    const remedy = learn(credentials, peeked, { sent, scope, neutral: false });
    // Not a 401: it may be the first thing that the upstream says about what it wants.
    const isFinal = answer.status !== 401 || peeked.refusal.invalid;
    return isFinal ? this.#unlessRefused(peeked, remedy, credentials) : peeked.answer;
  }

  /** @throws UpstreamFailure (`refused`) if the router was refused, and not what it asked for */
  async #unlessRefused(
    { answer, refusal }: Peeked,
    remedy: Remedy,
    credentials: Credentials,
  ): Promise<UpstreamResponse> {
    const isInvalid = remedy === "token refused" || (remedy === "repeat" && refusal.invalid);
    const cause = isInvalid
      ? refusals[credentials.hasUser ? "user refused" : "token refused"]
      : refusals[remedy];
    if (cause === undefined) {
      return answer;
    }
    await this.#discard(answer);
    const { status, words } = refusal;
    const said = words === undefined ? "" : `: ${words}`;
    throw new UpstreamFailure("refused", `${cause} (${status})${said}`, { status });
  }

  /** Reads what a refusal says, if credentials were sent. */
  async #peek(answer: UpstreamResponse, sent: string | undefined): Promise<Peeked> {
    if (sent === undefined || !mayRefuse(answer.status, sent)) {
      return { answer, refusal: refusalOf(answer, "") };
    }
    const [peeked, text] = await peekError(answer, this.#client.idle);
    return { answer: peeked, refusal: refusalOf(peeked, text, [sent.slice(sent.indexOf(" ") + 1)]) };
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

  /** Whether the upstream's token endpoint works, although it gives no token for `/v2/`. @throws UpstreamFailure */
  async givesOnlyScopedTokens(): Promise<boolean> {
    return (await this.#credentials?.givesOnlyScopedTokens()) === true;
  }

  async #ping(signal: AbortSignal): Promise<void> {
    await this.#discard(await this.send(baseRequest(signal)));
  }

  /** Finds out the token endpoint with a request that has no header of a client that could shape the challenge. */
  #discover(request: UpstreamRequest, credentials: Credentials, offer: Offer): Promise<[Peeked, Remedy]> {
    const found = this.#client
      .send(request, offer.sent, true)
      .then((answer) => this.#peek(answer, offer.sent))
      .then((peeked): [Peeked, Remedy] => [peeked, learn(credentials, peeked, { ...offer, neutral: true })]);
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
  { answer: { status }, refusal }: Peeked,
  offer: Offer & { readonly neutral: boolean },
): Remedy {
  if (!mayRefuse(status, offer.sent)) {
    credentials.noteAccepted(offer);
    return "none";
  }
  return credentials.refused({ ...refusal, ...offer });
}
