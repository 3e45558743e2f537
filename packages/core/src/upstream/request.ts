import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type { ClientConnection } from "../protocol/forwarding.ts";
import type { Scope } from "../protocol/token-scope.ts";

/** On whose behalf an upstream is asked. */
export interface Origin {
  readonly request: IncomingMessage;
  readonly client: ClientConnection;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** What to ask an upstream on behalf of a client; without a body, unless that is short and at hand. */
export interface UpstreamRequest {
  readonly method: string;
  /** As parsed: begins with `/v2/`. */
  readonly path: string;
  /** `?` and what follows, or empty. */
  readonly search: string;
  /** What a token for this has to permit. */
  readonly scope: Scope;
  /** What it is about. */
  readonly repository: string | undefined;
  /** Whether a list is asked for, which may take longer than anything else. */
  readonly list?: boolean;
  /** Whether the body is the content of a blob, whose type says nothing. */
  readonly opaque?: boolean;
  /** Whether the answer is read here, so that no part of it, no 304 and no redirect will do. */
  readonly whole?: boolean;
  /** Whether an answer that may go to all who ask the same is read to its end; it is a failure if it has none. */
  readonly shareable?: boolean;
  /** The `Accept` to ask with, whatever the client accepts. */
  readonly accept?: string;
  /** The `Range` to ask for, whatever the client asked for. */
  readonly range?: string;
  /** A body at hand, which is sent again if need be, in place of the client's own. */
  readonly body?: Buffer;
  /** The type of `body`; the client's word for it if undefined. */
  readonly type?: string;
  /** Whether the upstream is asked although it is left out, and given little time. */
  readonly bypassBreaker?: boolean;
}

/** What to ask an upstream for the router's own ends: nothing of it comes from a client's headers. */
export interface InternalRequest {
  readonly asked: UpstreamRequest;
  /** `Accept` values. */
  readonly accept: readonly string[];
  /** The client's `Authorization`, for an upstream that judges it (`auth: passthrough`). */
  readonly authorization?: string | undefined;
  /** Whether redirects are followed, whatever is configured: it is the router that wants the content. */
  readonly follows?: boolean;
  /** A body that comes bit by bit, and so is sent once. Without a length it is sent in chunks. */
  readonly stream?: { readonly bytes: Readable; readonly length: number | undefined };
}

/** `/v2/`, asked without a client. */
export const base: InternalRequest = {
  asked: { method: "GET", path: "/v2/", search: "", scope: [], repository: undefined },
  accept: [],
};

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

/** What is said of a body that is at hand or streams; a method that usually has one says so when it has none. */
export function bodyHeaders(
  { method, body, type }: UpstreamRequest,
  stream?: InternalRequest["stream"],
): string[] {
  if (body === undefined && stream === undefined) {
    return isRead(method) || method === "DELETE" ? [] : ["Content-Length", "0"];
  }
  const length = stream === undefined ? body?.length : stream.length;
  return [
    ...(type === undefined ? [] : ["Content-Type", type]),
    ...(length === undefined ? [] : ["Content-Length", String(length)]),
  ];
}
