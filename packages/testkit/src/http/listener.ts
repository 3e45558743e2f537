import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { blob, download, storage } from "../actions/blobs.ts";
import { catalog, referrers, tags } from "../actions/lists.ts";
import { manifest } from "../actions/manifests.ts";
import { upload, uploads } from "../actions/uploads.ts";
import type { Fault } from "../options.ts";
import { fillCache } from "../storage/cache.ts";
import { dressed, OwnError } from "./answers.ts";
import type { Authentication } from "./auth.ts";
import { beforehand } from "./behaviours.ts";
import { allow, type Context, type Registry } from "./context.ts";
import { ProtocolError } from "./error.ts";
import type { Faults } from "./faults.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { OpenRecord, Recording } from "./record.ts";
import { type Break, json, type Reply, sendReply } from "./reply.ts";
import type { Route } from "./route.ts";

/** Everything that stands between a socket and a registry. */
export interface Layers {
  readonly registry: Registry;
  readonly authentication: Authentication;
  readonly rateLimit: RateLimit;
  readonly faults: Faults;
  readonly recording: Recording;
  /** Ends a connection with RST. */
  reset(socket: Socket): void;
}

/** Serves one request: record, fault, authentication, rate limit, route, answer. */
export async function listener(
  layers: Layers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const record = layers.recording.begin(request);
  response.once("close", () => {
    record.status = response.headersSent ? response.statusCode : undefined;
  });
  const fault = layers.faults.hit(record.method, record.url);
  if (fault?.hang === true) {
    return;
  }
  if (fault?.reset === true) {
    layers.reset(request.socket);
    return;
  }
  if (fault?.delay !== undefined) {
    await delay(fault.delay);
  }
  try {
    const reply =
      faultReply(fault) ??
      dressed(layers.registry.options, await replyTo(layers, response, record), record.path);
    record.status = reply.status;
    await sendReply(response, reply, breakOf(fault));
    request.resume();
  } catch (error) {
    await sendFailure(layers, response, error, record);
  }
}

/** The one place that renders errors. */
async function sendFailure(
  { registry: { options } }: Layers,
  response: ServerResponse,
  error: unknown,
  record: OpenRecord,
): Promise<void> {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const reply = error instanceof OwnError ? error.reply : errorReply(error);
  record.status = reply.status;
  await sendReply(response, dressed(options, reply, record.path), undefined);
}

function errorReply(error: unknown): Reply {
  const known = error instanceof ProtocolError ? error : new ProtocolError("UNKNOWN", String(error));
  return json(known.status, known, known.headers);
}

function faultReply(fault: Fault | undefined): Reply | undefined {
  if (fault?.status === undefined) {
    return undefined;
  }
  const { status, headers = {}, body = "" } = fault;
  return typeof body === "string" ? { status, headers, body } : json(status, body, headers);
}

function breakOf(fault: Fault | undefined): Break | undefined {
  if (fault?.cutAt !== undefined) {
    return { after: fault.cutAt, how: "cut" };
  }
  return fault?.stallAt === undefined ? undefined : { after: fault.stallAt, how: "stall" };
}

async function replyTo(
  { registry, authentication, rateLimit }: Layers,
  response: ServerResponse,
  record: OpenRecord,
): Promise<Reply> {
  const route = registry.parseRoute(record.path);
  if (route === undefined) {
    return {
      status: 404,
      headers: { "Content-Type": "text/plain; charset=utf-8" },
      body: "404 page not found\n",
    };
  }
  const context = contextOf(registry, response, record);
  if (route.kind === "token") {
    return authentication.issue(context);
  }
  const access = authentication.check(context, route);
  const early = beforehand(context, route, access);
  if (early !== undefined) {
    return early;
  }
  rateLimit.count(context, route);
  const { upstream } = registry.options;
  const cached = upstream === undefined ? undefined : await fillCache(context, new URL(upstream), route);
  return rateLimit.shown(context, route, cached ?? (await act(context, route)));
}

function act(context: Context, route: Exclude<Route, { kind: "token" }>): Reply | Promise<Reply> {
  switch (route.kind) {
    case "base":
      allow(context, "GET", "HEAD");
      return { status: 200, headers: { "Content-Type": "application/json" }, body: "{}" };
    case "catalog":
      return catalog(context);
    case "storage":
      return storage(context, route.digest);
    case "download":
      return download(context, route.digest);
    case "tags":
      return tags(context, route.repository);
    case "referrers":
      return referrers(context, route.repository, route.digest);
    case "manifest":
      return manifest(context, route.repository, decodeURIComponent(route.reference));
    case "blob":
      return blob(context, route.repository, decodeURIComponent(route.digest));
    case "uploads":
      return uploads(context, route.repository);
    case "upload":
      return upload(context, route.id, route.repository);
    case "session":
      return upload(context, route.id);
  }
}

function contextOf(registry: Registry, response: ServerResponse, record: OpenRecord): Context {
  const { req: request } = response;
  const { headers } = request;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const scheme = headers["x-forwarded-proto"] ?? (registry.options.tls === undefined ? "http" : "https");
  const host = headers["x-forwarded-host"] ?? headers.host ?? "";
  return {
    ...registry,
    request,
    signal: gone.signal,
    method: record.method,
    query: new URLSearchParams(record.url.slice(record.path.length)),
    origin: `${String(scheme)}://${String(host)}`,
    async receive(take) {
      for await (const piece of request) {
        record.bodyBytes += piece.length;
        take(piece);
      }
    },
  };
}
