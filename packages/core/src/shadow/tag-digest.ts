import { firstValue } from "../protocol/headers.ts";
import { isDigest } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { targetAt } from "../upstream/request.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

export type TagDigest =
  | { readonly outcome: "found"; readonly digest: string }
  | { readonly outcome: "not_found" }
  /** `cause` is a phrase for people. */
  | { readonly outcome: "unknown"; readonly cause: string };

export interface TagQuery {
  /** `Accept` values. Without the type of an index, registries may answer with the manifest of one platform. */
  readonly accept: readonly string[];
  readonly timeout: number;
  /** Each of them aborts the query. */
  readonly signals: readonly AbortSignal[];
}

/** Asks an upstream for the digest of a request's tag, with HEAD and the router's own credentials. Never rejects. */
export async function tagDigestAt(
  upstream: Upstream,
  request: RegistryRequest,
  { accept, timeout, signals }: TagQuery,
): Promise<TagDigest> {
  const target = targetAt(upstream, { ...request, method: "HEAD" });
  const { signal, clear } = deadline(timeout, signals);
  try {
    const said = await upstream.query({ ...target, accept, follows: true, signal });
    if (said.outcome === "failed") {
      return { outcome: "unknown", cause: said.failure.cause };
    }
    if (said.outcome === "not_found") {
      return { outcome: "not_found" };
    }
    said.answer.body.resume();
    const digest = digestIn(said.answer);
    return digest === undefined
      ? { outcome: "unknown", cause: `answered ${said.answer.status} without a digest` }
      : { outcome: "found", digest };
  } catch {
    return { outcome: "unknown", cause: `timeout after ${timeout} ms` };
  } finally {
    clear();
  }
}

export function digestIn({
  status,
  headers,
}: Pick<UpstreamResponse, "status" | "headers">): string | undefined {
  const digest = firstValue(headers, "docker-content-digest");
  return status === 200 && digest !== undefined && isDigest(digest) ? digest : undefined;
}

/** Not `AbortSignal.any`: some versions of Node keep its signal as long as the longest-lived of its sources. */
function deadline(milliseconds: number, signals: readonly AbortSignal[]) {
  const controller = new AbortController();
  const end = () => controller.abort();
  const timer = setTimeout(end, milliseconds);
  for (const signal of signals) {
    signal.addEventListener("abort", end, { once: true });
  }
  if (signals.some(({ aborted }) => aborted)) {
    end();
  }
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      for (const signal of signals) {
        signal.removeEventListener("abort", end);
      }
    },
  };
}
