import type { Exchange } from "../http/exchange.ts";
import { firstValue } from "../protocol/headers.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { sha256 } from "../protocol/names.ts";
import { type Descriptor, readReferrers, referrersTag } from "../protocol/referrers.ts";
import { manifestRequest } from "../protocol/request.ts";
import type { FailureReport } from "../routing/outcome.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** What one member knows of a digest's referrers. */
export type TaggedReferrers =
  | { readonly kind: "listed"; readonly descriptors: readonly Descriptor[] }
  | { readonly kind: "failed"; readonly failure: FailureReport }
  /** Hosted refuses the client, who has to see how to make itself known there. */
  | { readonly kind: "refused"; readonly said: Extract<QueryOutcome, { outcome: "final" }> };

/** Where a digest's referrers are kept. */
export interface SubjectLocation {
  readonly member: Upstream;
  readonly repository: string;
  /** The digest that is referred to. */
  readonly subject: string;
  /** The registry on whose behalf the client asks, if it says so. */
  readonly namespace: string | undefined;
}

/**
 * Reads the referrers that a registry without an API for them has under the `sha256-...` tag.
 * @throws ClientAborted
 */
export async function listUnderTag(
  exchange: Exchange,
  { member, repository, subject, namespace }: SubjectLocation,
): Promise<TaggedReferrers> {
  const read = manifestRequest("GET", repository, referrersTag(subject), namespace);
  const said = await member.query({
    ...toUpstreamRequest(read, member, exchange),
    whole: true,
    accept: [indexType],
  });
  switch (said.outcome) {
    case "failed":
      return { kind: "failed", failure: said.failure };
    case "not_found":
      return { kind: "listed", descriptors: [] };
    case "final":
      return isRefusal(said.answer) ? { kind: "refused", said } : broken(`answered ${said.answer.status}`);
    case "found":
      return listedIn(said.answer, member, subject);
  }
}

/** Whether hosted judged the client's own credentials. */
function isRefusal({ status }: UpstreamResponse): boolean {
  return status === 401 || status === 403;
}

/** A member that cannot tell. */
export function broken(cause: string): TaggedReferrers {
  return { kind: "failed", failure: { kind: "broken", cause } };
}

async function listedIn(
  { status, headers, body }: UpstreamResponse,
  member: Upstream,
  subject: string,
): Promise<TaggedReferrers> {
  const bytes = await readUpTo(body, longestManifest, member.timeouts.idle);
  if (status !== 200 || bytes === undefined) {
    return broken(
      status === 200 ? "sent no valid index of referrers of at most 4 MiB" : `answered ${status}`,
    );
  }
  // GitLab's registry takes the tag for the digest that it is made of, and sends the subject, whose children are no referrers
  // (https://github.com/oras-project/oras-go/issues/1396).
  if (firstValue(headers, "docker-content-digest") === subject || sha256(bytes) === subject) {
    return { kind: "listed", descriptors: [] };
  }
  // What is no index is not about referrers, whoever called it so.
  return { kind: "listed", descriptors: readReferrers(bytes.toString()) ?? [] };
}
