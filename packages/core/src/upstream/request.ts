import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { ClientConnection } from "../protocol/forwarding.ts";
import { type RegistryRequest, type Resource, renamedPath } from "../protocol/request.ts";
import { type Scope, scopeOf } from "../protocol/token-scope.ts";
import type { Delivery } from "./transport/forward.ts";
import type { UpstreamResponse } from "./transport/send.ts";

/** The client's request that an upstream is asked for. */
export interface Origin {
  readonly request: IncomingMessage;
  readonly client: ClientConnection;
}

/** What an upstream is asked. */
export interface RequestTarget {
  readonly method: string;
  /** As parsed: begins with `/v2/`. */
  readonly path: string;
  /** `?` and what follows, or empty. */
  readonly search: string;
  /** What a token for this has to permit. */
  readonly scope: Scope;
  /** What it is about, by its name at the router. */
  readonly repository: string | undefined;
  /** Whether a list is asked for, which may take longer than anything else. */
  readonly list?: boolean;
  /** Whether the body is the content of a blob, whose type says nothing. */
  readonly opaque?: boolean;
  /** When it was decided to send this, by `performance.now()`. A probe never asks for what was decided before a rule forbade it. */
  readonly decided: number;
}

/** One request to an upstream. Its headers are a client's with the router's additions, or the router's own. */
export interface UpstreamRequest extends RequestTarget {
  /** The client's request whose headers are passed on; undefined if nothing comes from a client's headers. */
  readonly from?: Origin;
  /** Aborted when nobody waits for the response any more. */
  readonly signal: AbortSignal;
  /** The `Accept` values, whatever the client accepts. */
  readonly accept?: readonly string[];
  /** The `Range`, whatever the client asked for. */
  readonly range?: string;
  /** Whether the response is read here, so that no part of it, no 304 and no redirect will do. */
  readonly whole?: boolean;
  /** Without `from`: whether redirects are followed, whatever is configured. */
  readonly follows?: boolean;
  /** Whether a response that may go to all who ask the same is read to its end; it is a failure if it has none. */
  readonly shareable?: boolean;
  /** A body at hand, which is sent again if need be. */
  readonly body?: Buffer;
  /** `Content-Type` of the body; the client's if undefined. */
  readonly type?: string;
  /** A body that comes bit by bit, and so is sent once. Without a length it is sent in chunks. */
  readonly stream?: { readonly bytes: Readable; readonly length: number | undefined };
  /** The client's own body, which streams to the upstream. */
  readonly upload?: Pick<Delivery, "request" | "response" | "transferred">;
  /** Without `from`: the client's `Authorization`, for an upstream that judges it (`auth: passthrough`). */
  readonly authorization?: string | undefined;
  /** Whether it is sent without any credentials. */
  readonly anonymous?: boolean;
  /** Whether the upstream is asked although its circuit is open, and given little time. */
  readonly bypassBreaker?: boolean;
  /** Milliseconds for connection and headers, if it is to be less than usual. */
  readonly timeout?: number;
}

/** Sends a request. Rejects with UpstreamFailure or ClientAborted; CopyFailure if that is what a `stream` broke off with. */
export type Send = (request: UpstreamRequest) => Promise<UpstreamResponse>;

/** The upstream that is asked: it may call a repository something else. */
interface Naming {
  nameOf(repository: string): string;
}

const lists: ReadonlySet<Resource["kind"]> = new Set(["catalog", "tags", "referrers"]);

/** What a client's request amounts to at an upstream. */
export function targetAt(upstream: Naming, request: RegistryRequest): RequestTarget {
  const { method, path, search, resource } = request;
  const repository = "repository" in resource ? resource.repository : undefined;
  return {
    method,
    path: repository === undefined ? path : renamedPath(path, repository, upstream.nameOf(repository)),
    search,
    scope: scopeOf(request, upstream),
    repository,
    list: lists.has(resource.kind),
    opaque: resource.kind === "uploads" || resource.kind === "upload-session",
    decided: performance.now(),
  };
}

/** The request to an upstream that a client's request amounts to. */
export function toUpstreamRequest(
  request: RegistryRequest,
  upstream: Naming,
  from: Origin & Pick<UpstreamRequest, "signal">,
): UpstreamRequest {
  return { ...targetAt(upstream, request), from, signal: from.signal };
}

/** `GET /v2/`, for the router's own ends. */
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

/** Whether a method only reads. */
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
