import { UpstreamFailure } from "../errors.ts";
import { parseChallenges } from "../protocol/challenge.ts";
import { valuesOf } from "../protocol/headers.ts";
import { namesItself } from "../protocol/locations.ts";
import { widened } from "../protocol/token-scope.ts";
import { isFound, isOfRegistry, isPage } from "../routing/classify.ts";
import { Credentials } from "./auth/credentials.ts";
import type { RequestToken } from "./auth/tokens.ts";
import type { UpstreamClient } from "./client.ts";
import { isRead, type Send, type UpstreamRequest } from "./request.ts";
import { isRedirect, redirectTarget } from "./transport/redirects.ts";
import type { UpstreamResponse } from "./transport/send.ts";

const longestChain = 5;

interface FollowOptions {
  readonly kind: "hosted" | "proxy";
  readonly redirects: "pass" | "follow";
  readonly requestToken: RequestToken;
}

/**
 * Follows the redirects that no client could follow or that have to be judged: those to the upstream itself, and those of manifests and
 * lists. One of a blob to another host passes, if it is a registry that sends it.
 */
export class RedirectFollower {
  readonly #client: UpstreamClient;
  readonly #options: FollowOptions;

  constructor(client: UpstreamClient, options: FollowOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** @throws UpstreamFailure for a redirect that neither the router nor a client may follow */
  follows(request: UpstreamRequest, response: UpstreamResponse): boolean {
    const { from, method, whole, follows, wanted } = request;
    if (from === undefined) {
      return follows === true || (wanted?.kind === "manifest" && isRead(method));
    }
    if (!isRead(method)) {
      return false;
    }
    if (whole === true) {
      // 303 leads to another resource than the requested one (RFC 9110 15.4.4). ghcr.io answers it in place of a referrers API.
      return response.status !== 303;
    }
    if (wanted?.kind !== "blob") {
      return wanted?.kind === "manifest" || wanted?.kind === "list";
    }
    const { isOwn } = this.#target(request, response, this.#client.addressOf(request));
    return isOwn || this.#options.redirects === "follow" || !this.#client.isRegistry;
  }

  /**
   * What a redirect leads to. Credentials go along only to the upstream's own origin, and only if it refuses without: object storage
   * takes its own from the address, and refuses others.
   * @param again sends a request to the upstream with its credentials
   * @throws UpstreamFailure after five redirects; for those that may not be followed; for a web page; or if the content is not there,
   *   because storage that refuses an expired address does not say that the content is unknown
   */
  async followed(
    request: UpstreamRequest,
    redirect: UpstreamResponse,
    again: Send,
  ): Promise<UpstreamResponse> {
    let current = redirect;
    let address = this.#client.addressOf(request);
    for (let hop = 0; isRedirect(current); hop++) {
      // Keeping the connection is not worth reading the redirect's own body.
      current.body.destroy();
      if (hop === longestChain) {
        throw new UpstreamFailure("broken", `more than ${longestChain} redirects`);
      }
      const { url } = this.#target(request, current, address);
      address = url;
      current = await this.#visit(request, url, again);
    }
    const cause = this.#problemOf(request, current, address);
    if (cause !== undefined) {
      current.body.destroy();
      throw new UpstreamFailure("broken", cause);
    }
    return current;
  }

  #target(request: UpstreamRequest, response: UpstreamResponse, from: URL) {
    const names = this.#client.ownNames(request);
    return redirectTarget(response, from, (named) =>
      namesItself(named, names) ? new URL(named.pathname + named.search, names.upstream) : undefined,
    );
  }

  async #visit(request: UpstreamRequest, url: URL, again: Send): Promise<UpstreamResponse> {
    const answer = await this.#client.sendTo(url, request, undefined);
    if (answer.status !== 401 && answer.status !== 403) {
      return answer;
    }
    const home = this.#client.addressOf(request);
    if (url.origin === home.origin) {
      if (!isSameRepository(url, home)) {
        return answer;
      }
      answer.body.destroy();
      return again({ ...request, path: url.pathname, search: url.search, fromRoot: true });
    }
    const token = await this.#anonymousToken(url, answer);
    if (token === undefined) {
      return answer;
    }
    answer.body.destroy();
    return this.#client.sendTo(url, request, token);
  }

  /** For another registry: registry.k8s.io leads to several. */
  async #anonymousToken(url: URL, { status, headers }: UpstreamResponse): Promise<string | undefined> {
    const challenges = valuesOf(headers, "www-authenticate");
    const bearer = parseChallenges(challenges).find(({ scheme }) => scheme === "bearer");
    // Bounded as every scope that a challenge asks for.
    const scope = widened([], bearer?.parameters.get("scope")) ?? [];
    const offer = { sent: undefined, scope };
    const credentials = new Credentials(undefined, url, this.#options.requestToken);
    const remedy = status === 401 ? credentials.refused({ ...offer, challenges, neutral: true }) : "none";
    return remedy === "repeat" ? credentials.header(scope) : undefined;
  }

  #problemOf(request: UpstreamRequest, answer: UpstreamResponse, { pathname }: URL): string | undefined {
    const { status } = answer;
    if (isFound(status)) {
      const isJudged =
        request.wanted?.kind !== "referrers" && isPage(answer.headers) && !isOfRegistry(answer.headers);
      return isJudged ? "redirected to a web page" : undefined;
    }
    // A registry can say that it does not have the content. Whom another one refuses is not for hosted to say.
    const isWord = ![401, 403].includes(status) || this.#options.kind === "proxy";
    const isRegistry = /\/v2\//.test(pathname);
    return isRegistry && isWord ? undefined : `redirected to storage that answered ${status}`;
  }
}

// With credentials, only what the client was authorized for. A path outside the API is the upstream's own affair.
function isSameRepository(url: URL, asked: URL): boolean {
  const name = /\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//;
  const [, wanted] = name.exec(asked.pathname) ?? [];
  const path = decoded(url.pathname);
  const [, named] = name.exec(path ?? "") ?? [];
  return path !== undefined && (!/\/v2(?:\/|$)/i.test(path) || (named !== undefined && named === wanted));
}

/** A registry reads `/%76%32/` as `/v2/`, and `..%2F` as a way out of a repository. Undefined if nobody can tell what it reads. */
function decoded(path: string): string | undefined {
  try {
    const read = decodeURIComponent(path);
    return read.split(/[/\\]/).includes("..") ? undefined : read;
  } catch {
    return undefined;
  }
}
