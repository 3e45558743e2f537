import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { ClientConnection } from "../protocol/forwarded-headers.ts";
import { type RegistryRequest, type Resource, renamedPath } from "../protocol/request.ts";
import { isSealed, joinQuery, type SessionAddress } from "../protocol/session-address.ts";
import { type Scope, scopeOf } from "../protocol/token-scope.ts";
import type { Wanted } from "../routing/classify.ts";
import type { Delivery } from "./transport/http-proxy.ts";
import type { UpstreamResponse } from "./transport/send.ts";

export interface Origin {
  readonly request: IncomingMessage;
  readonly client: ClientConnection;
}

export interface RequestTarget {
  readonly method: string;
  /** As parsed: begins with `/v2/`. */
  readonly path: string;
  /** `?` and what follows, or empty. */
  readonly search: string;
  /** Whether the path begins at the root of the host, and not below the path of the configured URL. */
  readonly fromRoot?: boolean;
  /** The permissions that a token needs. */
  readonly scope: Scope;
  /** The router's name of it. */
  readonly repository: string | undefined;
  /** Whether this is a list, which may take longer than other requests. */
  readonly list?: boolean;
  /** What the response has to be; undefined where any response will do. */
  readonly wanted?: Wanted | undefined;
  /** Whether the body is the content of a blob, so that its `Content-Type` is not passed on. */
  readonly opaque?: boolean;
  /** `performance.now()` of the decision to send it. A probe uses no request that was decided before a rule forbade it. */
  readonly decided: number;
}

export interface UpstreamRequest extends RequestTarget {
  /** The client's request whose headers are passed on. Without it, all headers are the router's own. */
  readonly from?: Origin;
  /** Aborted when the response is no longer needed. */
  readonly signal: AbortSignal;
  readonly accept?: readonly string[];
  readonly range?: string;
  /** Whether the router itself reads the response, so that 206, 304 and redirects are of no use. */
  readonly whole?: boolean;
  /** Without `from`: whether redirects are followed, whatever is configured. */
  readonly follows?: boolean;
  /** Whether several clients get the response: it must not depend on the one whose headers are passed on. */
  readonly shared?: boolean;
  /** A buffered body, which can be sent again. */
  readonly body?: Buffer;
  /** `Content-Type` of the body. @default the client's */
  readonly type?: string;
  /** A body that streams, and so can be sent only once. Without a length it is sent in chunks. */
  readonly stream?: { readonly bytes: Readable; readonly length: number | undefined };
  /** `Content-Range` of `body` (distribution-spec 1.1, "Pushing a blob in chunks"). */
  readonly contentRange?: string | undefined;
  readonly upload?: Pick<Delivery, "request" | "response" | "transferred">;
  /** Without `from`: the client's `Authorization`, for an upstream that judges it (`auth: passthrough`). */
  readonly authorization?: string | undefined;
  readonly anonymous?: boolean;
  /** Whether to ignore an open circuit, with a short timeout. */
  readonly bypassBreaker?: boolean;
  /** Milliseconds for connection and headers, if shorter than configured. */
  readonly timeout?: number;
}

/** Rejects with UpstreamFailure or ClientAborted, or with the CopyFailure of a `stream`. */
export type Send = (request: UpstreamRequest) => Promise<UpstreamResponse>;

interface Naming {
  nameOf(repository: string): string;
  /** @throws RegistryError if the session is none that this upstream has */
  sessionAt(repository: string, session: string): SessionAddress;
}

const lists: ReadonlySet<Resource["kind"]> = new Set(["catalog", "tags", "referrers"]);

/** What a client's request amounts to at an upstream. */
export function targetAt(upstream: Naming, request: RegistryRequest): RequestTarget {
  const { method, path, search, resource } = request;
  const repository = "repository" in resource ? resource.repository : undefined;
  const sealed =
    resource.kind === "upload-session" && isSealed(resource.session)
      ? upstream.sessionAt(resource.repository, resource.session)
      : undefined;
  return {
    method,
    path:
      sealed?.path ??
      (repository === undefined ? path : renamedPath(path, repository, upstream.nameOf(repository))),
    search: sealed === undefined ? search : joinQuery(sealed.search, search),
    fromRoot: sealed !== undefined,
    scope: scopeOf(request, upstream),
    repository,
    list: lists.has(resource.kind),
    wanted: wantedBy(request),
    opaque: resource.kind === "uploads" || resource.kind === "upload-session",
    decided: performance.now(),
  };
}

function wantedBy({ method, resource }: RegistryRequest): Wanted | undefined {
  if (!isRead(method)) {
    return { kind: "write" };
  }
  switch (resource.kind) {
    case "manifest":
      return { kind: "manifest", digest: resource.byDigest ? resource.reference : undefined };
    case "blob":
      return { kind: "blob", digest: resource.digest };
    case "tags":
    case "catalog":
      return { kind: "list" };
    case "referrers":
      return { kind: "referrers" };
    default:
      // The pings judge `/v2/`.
      return undefined;
  }
}

export function toUpstreamRequest(
  request: RegistryRequest,
  upstream: Naming,
  from: Origin & Pick<UpstreamRequest, "signal">,
): UpstreamRequest {
  return { ...targetAt(upstream, request), from, signal: from.signal };
}

export function baseRequest(signal: AbortSignal): UpstreamRequest {
  return {
    method: "GET",
    path: "/v2/",
    search: "",
    scope: [],
    repository: undefined,
    decided: performance.now(),
    signal,
  };
}

export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/**
 * Whether a request without a body may be sent again when the connection broke: a DELETE or PUT that got through
 * before would be answered 404 the second time. What may not goes out on a connection of its own, which cannot be stale.
 */
export function isRepeatable(method: string): boolean {
  return isRead(method) || method === "POST";
}
