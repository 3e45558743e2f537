import type { ReferrersSupport } from "../cache/referrers-support.ts";
import type { Exchange } from "../http/exchange.ts";
import { errorCodes } from "../protocol/error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "../protocol/headers.ts";
import { nextQuery } from "../protocol/locations.ts";
import { longestManifest } from "../protocol/manifest.ts";
import {
  type Descriptor,
  ofTypes,
  readReferrers,
  saysFiltered,
  sizeOf,
  wantedTypes,
} from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { broken, type QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { MemberReferrers } from "./tag-schema.ts";

/** The result of a member's referrers API. `no-api` is certain if no other response of a registry with the API looks the same. */
type ApiReferrers = MemberReferrers | { readonly outcome: "no-api"; readonly certain: boolean };

const mostPages = 50;
// Of registries and gateways without the endpoint.
const refusals = [400, 401, 403, 404, 405, 406, 410, 501];

/**
 * Reads a member's referrers of the types that the client wants, page by page.
 * @throws ClientAborted
 */
export async function listByApi(
  support: ReferrersSupport<Upstream>,
  exchange: Exchange,
  member: Upstream,
  request: RegistryRequest,
): Promise<ApiReferrers> {
  const first: UpstreamRequest = { ...toUpstreamRequest(request, member, exchange), whole: true };
  const wanted = wantedTypes(request.search);
  const descriptors: Descriptor[] = [];
  let size = 0;
  let query: UpstreamRequest | undefined = first;
  for (let page = 0; query !== undefined; page++) {
    if (page === mostPages) {
      return broken(`has more than ${mostPages} pages of referrers`);
    }
    const said = await member.query(query);
    if (said.outcome !== "found") {
      const listed = withoutList(said, support.has(member) === true);
      if (listed.outcome === "no-api" && page > 0) {
        return "answer" in said
          ? broken(`answered ${said.answer.status} to a further page of referrers`)
          : said;
      }
      return listed.outcome === "listed" ? { ...listed, descriptors } : listed;
    }
    const listed = await readPage(said.answer, member);
    if (listed.outcome === "no-api" && page > 0) {
      return broken("sent a further page of referrers that is no image index");
    }
    if (listed.outcome !== "listed") {
      return listed;
    }
    support.learn(member, true);
    const kept = ofTypes(
      listed.descriptors,
      wanted,
      saysFiltered(valuesOf(said.answer.headers, "oci-filters-applied")),
    );
    size += sizeOf(kept);
    if (size > longestManifest) {
      return broken("has more referrers than fit into an index of 4 MiB; ask for one artifactType");
    }
    descriptors.push(...kept);
    const next = nextQuery(valuesOf(said.answer.headers, "link"));
    query = next === undefined ? undefined : { ...first, search: next };
  }
  return { outcome: "listed", descriptors };
}

async function readPage(
  { status, headers, body }: UpstreamResponse,
  { timeouts }: Upstream,
): Promise<ApiReferrers> {
  const bytes = await readUpTo(body, longestManifest, timeouts.idle);
  if (status !== 200) {
    return { outcome: "no-api", certain: status === 303 };
  }
  const descriptors = bytes === undefined ? undefined : readReferrers(bytes.toString());
  if (descriptors !== undefined) {
    return { outcome: "listed", descriptors };
  }
  // Some registries answer an unknown path with an HTML page.
  return bytes !== undefined && !isJson(headers)
    ? { outcome: "no-api", certain: false }
    : broken("sent referrers that are no image index of at most 4 MiB");
}

/**
 * The API is optional, so a refusal may be about this endpoint alone: the tag tells then. A registry that is known to have the API has
 * failed.
 *
 * A registry without the API answers 405, or 404 without an error code of OCI. One with the API may answer 404 for an unknown
 * repository, with OCI's code. After a refusal or any other response, the tag may still exist.
 */
function withoutList(said: Exclude<QueryOutcome, { outcome: "found" }>, hasApi: boolean): ApiReferrers {
  if (said.outcome === "failed") {
    const { kind, status = 0 } = said.failure;
    // Any other 500 is a fault: a list without signatures must not come from it.
    const isUnsupported = errorCodes(said.said?.body.toString() ?? "").includes("UNSUPPORTED");
    const isRefusal = kind !== "rate-limited" && (isUnsupported || refusals.includes(status));
    return isRefusal && !hasApi ? { outcome: "no-api", certain: false } : said;
  }
  const codes = errorCodes(said.body.toString());
  if (codes.includes("NAME_UNKNOWN")) {
    return { outcome: "listed", descriptors: [] };
  }
  const { status } = said.answer;
  const certain = status === 405 || (status === 404 && codes.every((code) => code === "UNSUPPORTED"));
  return { outcome: "no-api", certain };
}

function isJson(headers: RawHeaders): boolean {
  const type = firstValue(headers, "content-type");
  return type === undefined || /[/+]json\b/i.test(type);
}
