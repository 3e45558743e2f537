import type { Metrics } from "../observe/metrics.ts";
import { firstValue } from "../protocol/headers.ts";
import { type ByteRange, byteRangeOf, rangeFor, restOf, skip } from "../protocol/range.ts";
import type { QueryOutcome } from "../upstream/query-outcome.ts";
import type { Resumer, Source } from "../upstream/resumable-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

interface Holders {
  readonly digest: string;
  readonly order: readonly Upstream[];
  send(upstream: Upstream, range: string): Promise<QueryOutcome>;
}

// An upstream that breaks off again and again must not be asked for a blob byte by byte: it may send less than `shortResume` bytes
// at most this many times in a row.
const mostShortResumes = 3;
const shortResume = 1024 * 1024;

/** Resumes a blob at any upstream that has it: the digest fixes its bytes. Undefined if the response does not state which bytes it has. */
export function createResumer(
  metrics: Metrics,
  holders: Holders,
  first: UpstreamResponse,
): Resumer | undefined {
  const range = byteRangeOf(first.status, first.headers);
  if (range === undefined) {
    return undefined;
  }
  let shortResumes = 0;
  let sentBefore = 0;
  return {
    async resumeAt(broken, sent) {
      const wanted = restOf(range, sent);
      shortResumes = sent - sentBefore < shortResume ? shortResumes + 1 : 0;
      if (wanted === undefined || shortResumes > mostShortResumes) {
        return undefined;
      }
      // The upstream that broke off is likely to have the rest, unless it has sent nothing since the last request.
      const others = holders.order.filter((upstream) => upstream !== broken);
      const inTurn = sent === sentBefore ? [...others, broken] : [broken, ...others];
      sentBefore = sent;
      for (const upstream of inTurn) {
        const source = await requestRest(holders, upstream, wanted);
        if (source !== undefined) {
          metrics.resumed.inc({ from: broken.name, to: upstream.name });
          return source;
        }
      }
      return undefined;
    },
  };
}

async function requestRest(
  holders: Holders,
  upstream: Upstream,
  wanted: ByteRange,
): Promise<Source | undefined> {
  const said = await holders.send(upstream, rangeFor(wanted));
  if (said.outcome !== "found") {
    return undefined;
  }
  const { answer } = said;
  const given = byteRangeOf(answer.status, answer.headers);
  const toSkip = given && skip(wanted, given);
  const digest = firstValue(answer.headers, "docker-content-digest") ?? holders.digest;
  if (toSkip === undefined || digest !== holders.digest) {
    answer.body.destroy();
    return undefined;
  }
  return { upstream, answer, skip: toSkip };
}
