import type { Exchange } from "../http/exchange.ts";
import { firstValue } from "../protocol/headers.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { sha256 } from "../protocol/names.ts";
import { type Descriptor, readReferrers, referrersTag } from "../protocol/referrers.ts";
import { manifestRequest } from "../protocol/request.ts";
import { broken, type QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** One member's referrers of a digest. `final` is hosted's 401 or 403 for the client's own credentials. */
export type MemberReferrers =
  | {
      readonly outcome: "listed";
      readonly descriptors: readonly Descriptor[];
      /** Whether the tag has another manifest than an index of referrers. */
      readonly isTaken?: boolean;
    }
  | Extract<QueryOutcome, { outcome: "failed" | "final" }>;

export interface SubjectLocation {
  readonly member: Upstream;
  readonly repository: string;
  readonly subject: string;
  readonly namespace: string | undefined;
}

/**
 * Reads the referrers that a registry without an API for them has under the `sha256-...` tag.
 * @throws ClientAborted
 */
export async function listUnderTag(
  exchange: Exchange,
  { member, repository, subject, namespace }: SubjectLocation,
): Promise<MemberReferrers> {
  const tag = referrersTag(subject);
  if (tag === undefined) {
    return { outcome: "listed", descriptors: [] };
  }
  const read = manifestRequest("GET", repository, tag, namespace);
  const said = await member.query({
    ...toUpstreamRequest(read, member, exchange),
    whole: true,
    accept: [indexType],
  });
  switch (said.outcome) {
    case "failed":
      return said;
    case "not_found":
      return { outcome: "listed", descriptors: [] };
    case "final": {
      const { status } = said.answer;
      return status === 401 || status === 403 ? said : broken(`answered ${status}`);
    }
    case "found":
      return listedIn(said.answer, member, subject);
  }
}

async function listedIn(
  { status, headers, body }: UpstreamResponse,
  member: Upstream,
  subject: string,
): Promise<MemberReferrers> {
  const bytes = await readUpTo(body, longestManifest, member.timeouts.idle);
  if (status !== 200 || bytes === undefined) {
    return broken(
      status === 200 ? "sent no valid index of referrers of at most 4 MiB" : `answered ${status}`,
    );
  }
  // GitLab's registry reads the tag as the digest in its name, and sends the subject. Its children are no referrers
  // (https://github.com/oras-project/oras-go/issues/1396).
  if (firstValue(headers, "docker-content-digest") === subject || sha256(bytes) === subject) {
    return { outcome: "listed", descriptors: [] };
  }
  // Another manifest under this tag has nothing to do with referrers.
  const descriptors = readReferrers(bytes.toString());
  return { outcome: "listed", descriptors: descriptors ?? [], isTaken: descriptors === undefined };
}
