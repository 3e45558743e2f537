import type { IncomingMessage } from "node:http";
import type { ClientConnection } from "../protocol/forwarding.ts";
import type { Scope } from "./credentials.ts";

/** On whose behalf an upstream is asked. */
export interface Sender {
  readonly request: IncomingMessage;
  readonly client: ClientConnection;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** What to ask an upstream on behalf of a client; without a body, unless that is short and at hand. */
export interface Errand {
  readonly method: string;
  /** As parsed: begins with `/v2/`. */
  readonly path: string;
  /** `?` and what follows, or empty. */
  readonly search: string;
  /** What a token for this has to permit. */
  readonly scope: Scope;
  /** Whether the body is the content of a blob, whose type says nothing. */
  readonly opaque?: boolean;
  /** Whether the answer is read here, so that no part of it, no 304 and no redirect will do. */
  readonly whole?: boolean;
  /** The `Accept` to ask with, whatever the client accepts. */
  readonly accept?: string;
  /** A body that is at hand, and so can be sent twice. */
  readonly body?: Buffer;
  /** The type of `body`; the client's word for it if undefined. */
  readonly type?: string;
  /** The `Range` to ask for, whatever the client asked for. */
  readonly range?: string;
  /** Whether the upstream is asked although it is left out, and given little time. */
  readonly lastChance?: boolean;
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

/** What is said of an errand's body; a method that usually has one says so when it has none. */
export function bodyHeaders({ method, body, type }: Errand): string[] {
  if (body === undefined) {
    return isRead(method) || method === "DELETE" ? [] : ["Content-Length", "0"];
  }
  return [...(type === undefined ? [] : ["Content-Type", type]), "Content-Length", String(body.length)];
}
