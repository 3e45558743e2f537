import { firstValue } from "../protocol/headers.ts";
import { isDigest } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { targetAt, type UpstreamRequest } from "../upstream/request.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** What one upstream says that a tag stands for. */
export type TagDigest =
  | { readonly outcome: "found"; readonly digest: string }
  | { readonly outcome: "not_found" }
  /** It could not tell; `cause` is a phrase for people. */
  | { readonly outcome: "unknown"; readonly cause: string };

/** How an upstream is asked for a tag. */
export interface TagQuestion {
  /** `Accept` values: of an image for many platforms, registries show those that do not know such the manifest of one. */
  readonly accept: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
  /** It is given up when one of them is aborted. */
  readonly signals: readonly AbortSignal[];
}

/** Asks an upstream what the tag of a request stands for, by HEAD and with the router's own credentials. Never rejects. */
export async function tagDigestAt(
  upstream: Upstream,
  request: RegistryRequest,
  { accept, timeout, signals }: TagQuestion,
): Promise<TagDigest> {
  const asked = targetAt(upstream, { ...request, method: "HEAD" });
  const until = deadline(timeout, signals);
  try {
    return await ask(upstream, { ...asked, accept, follows: true, signal: until.signal });
  } catch {
    return { outcome: "unknown", cause: `timeout after ${timeout} ms` };
  } finally {
    until.clear();
  }
}

/** The digest in the head of a manifest, if there is a proper one. */
export function digestIn({
  status,
  headers,
}: Pick<UpstreamResponse, "status" | "headers">): string | undefined {
  const digest = firstValue(headers, "docker-content-digest");
  return status === 200 && digest !== undefined && isDigest(digest) ? digest : undefined;
}

async function ask(upstream: Upstream, request: UpstreamRequest): Promise<TagDigest> {
  const said = await upstream.query(request);
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
}

/** Not `AbortSignal.any`, which some versions of Node hold on to as long as the longest-lived of its sources. */
function deadline(milliseconds: number, signals: readonly AbortSignal[]) {
  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, milliseconds);
  for (const signal of signals) {
    signal.addEventListener("abort", end, { once: true });
  }
  if (signals.some(({ aborted }) => aborted)) {
    end();
  }
  return {
    signal: over.signal,
    clear() {
      clearTimeout(timer);
      for (const signal of signals) {
        signal.removeEventListener("abort", end);
      }
    },
  };
}
