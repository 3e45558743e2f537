import type { ReferrersSupport } from "../cache/referrers-support.ts";
import type { Exchange } from "../http/exchange.ts";
import { errorCodes } from "../protocol/error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "../protocol/headers.ts";
import { nextQuery } from "../protocol/locations.ts";
import { longestManifest } from "../protocol/manifest.ts";
import { type Descriptor, ofTypes, readReferrers, sizeOf, wantedTypes } from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { broken, type TaggedReferrers } from "./tag-schema.ts";

/** What a member's API told of a digest's referrers: perhaps that there is none. */
export type Told = TaggedReferrers | { readonly kind: "no-api"; readonly certain: boolean };

const mostPages = 50;

/**
 * Reads the referrers of the wanted types that a member has, page by page.
 * @throws ClientAborted
 */
export async function listByApi(
  support: ReferrersSupport<Upstream>,
  exchange: Exchange,
  member: Upstream,
  request: RegistryRequest,
): Promise<Told> {
  const first: UpstreamRequest = { ...toUpstreamRequest(request, member, exchange), whole: true };
  const wanted = wantedTypes(request.search);
  const descriptors: Descriptor[] = [];
  let size = 0;
  let asked: UpstreamRequest | undefined = first;
  for (let page = 0; asked !== undefined; page++) {
    if (page === mostPages) {
      return broken(`has more than ${mostPages} pages of referrers`);
    }
    const said = await member.query(asked);
    const listed = said.outcome === "found" ? await readPage(said.answer, member) : withoutList(said);
    if (listed.kind !== "listed") {
      return listed;
    }
    if (said.outcome === "found") {
      support.learn(member, true);
    }
    const kept = ofTypes(listed.descriptors, wanted);
    size += sizeOf(kept);
    if (size > longestManifest) {
      return broken("has more referrers than fit into an index of 4 MiB; ask for one artifactType");
    }
    descriptors.push(...kept);
    const next = said.outcome === "found" ? nextQuery(valuesOf(said.answer.headers, "link")) : undefined;
    asked = next === undefined ? undefined : { ...first, search: next };
  }
  return { kind: "listed", descriptors };
}

async function readPage({ status, headers, body }: UpstreamResponse, { timeouts }: Upstream): Promise<Told> {
  const bytes = await readUpTo(body, longestManifest, timeouts.idle);
  if (status !== 200) {
    return { kind: "no-api", certain: status === 303 };
  }
  const descriptors = bytes === undefined ? undefined : readReferrers(bytes.toString());
  if (descriptors !== undefined) {
    return { kind: "listed", descriptors };
  }
  // A page for people, as some registries have for every address that they do not know.
  return bytes !== undefined && !isJson(headers)
    ? { kind: "no-api", certain: false }
    : broken("sent referrers that are no image index of at most 4 MiB");
}

/**
 * A registry without the API says 404 in its own words, or 405; one that has it says in OCI's what it does not know, perhaps
 * this repository alone. Whoever refuses or says anything else may still have the tag.
 */
function withoutList(said: Exclude<QueryOutcome, { outcome: "found" }>): Told {
  if (said.outcome === "failed") {
    return { kind: "failed", failure: said.failure };
  }
  const codes = errorCodes(said.body.toString());
  if (codes.includes("NAME_UNKNOWN")) {
    return { kind: "listed", descriptors: [] };
  }
  const { status } = said.answer;
  const certain = status === 405 || (status === 404 && codes.every((code) => code === "UNSUPPORTED"));
  return { kind: "no-api", certain };
}

function isJson(headers: RawHeaders): boolean {
  const type = firstValue(headers, "content-type");
  return type === undefined || /[/+]json\b/i.test(type);
}
