import type { CompleteUpstream } from "../config/complete.ts";
import { UpstreamFailure } from "../errors.ts";
import { RegistryError } from "../protocol/errors.ts";
import { firstValue, type RawHeaders } from "../protocol/headers.ts";
import { type UploadAnswer, uploadPlace } from "../protocol/locations.ts";
import { isDigest } from "../protocol/names.ts";
import { renamedPath } from "../protocol/request.ts";
import {
  isSealed,
  longestSealed,
  type SessionAddress,
  SessionAddresses,
} from "../protocol/session-address.ts";
import type { UpstreamClient } from "./client.ts";
import type { RequestTarget, UpstreamRequest } from "./request.ts";
import type { UpstreamResponse } from "./transport/send.ts";

/** A request for an upload, as far as relative addresses in its answer depend on it. */
export type Asked = Pick<RequestTarget, "path" | "search" | "fromRoot" | "repository">;

/** Where a further request for an upload goes. */
export type UploadTarget = SessionAddress & Pick<RequestTarget, "fromRoot">;

/** Where uploads are at one registry, and where its clients find them. */
export class UploadAddresses {
  readonly #client: UpstreamClient;
  readonly #nameOf: (repository: string) => string;
  readonly #sessions: SessionAddresses;

  constructor(
    { url, auth, tls }: Pick<CompleteUpstream, "url" | "auth" | "tls">,
    client: UpstreamClient,
    nameOf: (repository: string) => string,
  ) {
    this.#client = client;
    this.#nameOf = nameOf;
    const secrets = [typeof auth === "object" ? auth.password : undefined, tls.key].filter(
      (one) => one !== undefined && one !== "",
    );
    this.#sessions = new SessionAddresses({
      prefix: url.pathname === "/" ? "" : url.pathname,
      secret: secrets.length === 0 ? undefined : JSON.stringify(secrets),
      origin: url.origin,
    });
  }

  /** The address of a session that a client names. @throws RegistryError if the router did not give it for this repository */
  open(repository: string, session: string): SessionAddress {
    return this.#sessions.open(this.#nameOf(repository), session);
  }

  /**
   * The headers of an answer, with a `Location` that leads back to the router.
   * @throws UpstreamFailure if the registry keeps the upload where the router may not lead clients
   */
  forClients(request: UpstreamRequest, response: UpstreamResponse): RawHeaders {
    const { headers } = response;
    return headers.map((value, index) => {
      const isLocation = index % 2 === 1 && headers[index - 1]?.toLowerCase() === "location";
      return isLocation ? this.#forClients(value, request, response) : value;
    });
  }

  /**
   * What the `Location` of an answer to the router's own request means.
   * @param publicHost the name of the router that the client used: hosted may have built the address from it
   * @returns undefined if it is on another host, or no upload in this repository
   */
  locate(location: string, asked: Asked, publicHost: string | undefined): UploadTarget | undefined {
    const { repository = "" } = asked;
    const [, session] = /\/([^/?#]+)$/.exec(location) ?? [];
    const own = session !== undefined && isSealed(session) ? this.#opened(repository, session) : undefined;
    if (own !== undefined) {
      return { ...own, fromRoot: true };
    }
    const place = uploadPlace(location, this.#answerTo(asked, publicHost, false));
    if (
      place === undefined ||
      !(place.isUsual || this.#sessions.isUpload(this.#nameOf(repository), place.path))
    ) {
      return undefined;
    }
    return { path: place.path, search: place.search, fromRoot: !place.isUsual };
  }

  /** Undefined for a session that only looks like one of the router's: hosted may be such a router itself. */
  #opened(repository: string, session: string): SessionAddress | undefined {
    try {
      return this.open(repository, session);
    } catch (error) {
      if (error instanceof RegistryError) {
        return undefined;
      }
      throw error;
    }
  }

  #forClients(location: string, request: UpstreamRequest, { status, headers }: UpstreamResponse): string {
    const { repository = "" } = request;
    const isRedirect = status >= 300 && status < 400;
    const { publicHost } = this.#client.ownNames(request);
    const place = uploadPlace(location, this.#answerTo(request, publicHost, isRedirect));
    const name = this.#nameOf(repository);
    if (place === undefined) {
      return location;
    }
    if (place.isUsual) {
      return renamedPath(place.path, name, repository) + place.search;
    }
    const completed = status === 201 ? completedDigest(request, headers) : undefined;
    return completed === undefined
      ? `/v2/${repository}/blobs/uploads/${this.#seal(name, place)}`
      : `/v2/${repository}/blobs/${completed}`;
  }

  #answerTo(asked: Asked, publicHost: string | undefined, isRedirect: boolean): UploadAnswer {
    return {
      ...this.#client.ownNames({}),
      publicHost,
      isRedirect,
      address: this.#client.addressOf(asked),
      repository: this.#nameOf(asked.repository ?? ""),
    };
  }

  #seal(name: string, at: SessionAddress): string {
    const sealed = this.#sessions.seal(name, at);
    if (sealed === undefined) {
      const cause =
        at.path.length + at.search.length > longestSealed / 2
          ? `an upload session whose address has more than ${longestSealed} characters with its signature`
          : "an upload session at a path that is not one of uploads in this repository";
      throw new UpstreamFailure("broken", `named ${cause}`);
    }
    return sealed;
  }
}

/** The digest of a blob that was uploaded or mounted. */
function completedDigest({ search }: UpstreamRequest, headers: RawHeaders): string | undefined {
  const query = new URLSearchParams(search);
  const digest =
    firstValue(headers, "docker-content-digest") ?? query.get("digest") ?? query.get("mount") ?? "";
  return isDigest(digest) ? digest : undefined;
}
