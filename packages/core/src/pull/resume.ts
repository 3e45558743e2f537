import { firstValue } from "../protocol/headers.ts";
import { type ByteRange, byteRangeOf, rangeFor, restOf, skip } from "../protocol/range.ts";
import type { Services } from "../services.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** A body on its way to the client, and who sends it. */
export interface Source {
  readonly upstream: Upstream;
  readonly answer: UpstreamResponse;
  /** Bytes at its beginning that the client has already. */
  readonly passOver: number;
}

/** Those who may hold a blob. */
export interface Holders {
  readonly digest: string;
  readonly order: readonly Upstream[];
  /** Asks one of them for a part of it. */
  ask(upstream: Upstream, range: string): Promise<QueryOutcome>;
}

/** Finds somebody who goes on where a body broke off. */
export interface Resumer {
  /**
   * @param broken who sent the body so far
   * @param sent bytes of the answer that the client has been given
   * @throws ClientGone
   */
  resumeAt(broken: Upstream, sent: number): Promise<Source | undefined>;
}

// Upstreams that break off again and again would otherwise be asked for a blob byte by byte: so many times in a row they
// may send less than a mebibyte.
const mostPoorRepairs = 3;
const poor = 1024 * 1024;

/**
 * The digest fixes the bytes of a blob, so whoever holds it can go on with it. Undefined for answers whose bytes cannot be
 * counted.
 */
export function createResumer(
  { metrics }: Services,
  holders: Holders,
  first: UpstreamResponse,
): Resumer | undefined {
  const extent = byteRangeOf(first.status, first.headers);
  if (extent === undefined) {
    return undefined;
  }
  let poorRepairs = 0;
  let sentBefore = 0;
  return {
    async resumeAt(broken, sent) {
      const wanted = restOf(extent, sent);
      poorRepairs = sent - sentBefore < poor ? poorRepairs + 1 : 0;
      if (wanted === undefined || poorRepairs > mostPoorRepairs) {
        return undefined;
      }
      // Whoever sent the body so far is likely to have the rest, unless it was asked and sent nothing.
      const others = holders.order.filter((upstream) => upstream !== broken);
      const inTurn = sent === sentBefore ? [...others, broken] : [broken, ...others];
      sentBefore = sent;
      for (const upstream of inTurn) {
        const source = await continuation(holders, upstream, wanted);
        if (source !== undefined) {
          metrics.resumed.inc({ from: broken.name, to: upstream.name });
          return source;
        }
      }
      return undefined;
    },
  };
}

async function continuation(
  holders: Holders,
  upstream: Upstream,
  wanted: ByteRange,
): Promise<Source | undefined> {
  const said = await holders.ask(upstream, rangeFor(wanted));
  if (said.outcome !== "found") {
    return undefined;
  }
  const { answer } = said;
  const given = byteRangeOf(answer.status, answer.headers);
  const skipped = given && skip(wanted, given);
  if (skipped === undefined || !isOfDigest(answer, holders.digest)) {
    answer.body.destroy();
    return undefined;
  }
  return { upstream, answer, passOver: skipped };
}

/** Where an upstream says what it sends, that has to be what was asked for. */
function isOfDigest({ headers }: UpstreamResponse, digest: string): boolean {
  const said = firstValue(headers, "docker-content-digest");
  return said === undefined || said === digest;
}
