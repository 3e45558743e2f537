import { movedCursor, querySearch, readCatalog } from "../protocol/catalog.ts";
import { RegistryError } from "../protocol/errors.ts";
import { valuesOf } from "../protocol/headers.ts";
import { nextPage } from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Services } from "../services.ts";
import { readBounded } from "../upstream/bounded-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { consult, errandOf } from "./consult.ts";
import { deliver } from "./deliver.ts";
import type { Exchange } from "./exchange.ts";
import { failureError, nobodyHasIt } from "./nobody-has-it.ts";
import { repeat } from "./relay.ts";
import { type Walk, walk } from "./walk.ts";

type Answered = Extract<Walk, { ended: "answered" }>;

// A thousand names of 255 characters take a quarter of a mebibyte; some registries have no pages at all.
const longestPage = 4 * 1024 * 1024;
const mostPages = 50;

/** The catalog without the names that are not for this client, page by page as the registry has them. */
export async function catalog(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  order: readonly Upstream[],
  shown: (name: string) => boolean,
): Promise<void> {
  let page = request;
  // A page of which nothing is left is passed over: its `Link` could only begin after a name that is hidden.
  for (let read = 0; read < mostPages; read++) {
    const end = await ask(services, exchange, page, order);
    if (end.ended === "exhausted") {
      nobodyHasIt(services, exchange, "catalog", end);
      return;
    }
    if (end.said.outcome === "final") {
      await deliver(exchange, end, "");
      return;
    }
    const names = await namesOf(end);
    const next = querySearch(nextPage(valuesOf(end.said.answer.headers, "link")) ?? "");
    if (next === undefined || names.some(shown)) {
      answer(exchange, end, names, shown);
      return;
    }
    page = { ...request, search: next };
  }
  throw new RegistryError("UNAVAILABLE", {
    message: `none of the names on ${mostPages} pages may be shown: ask with a greater n`,
  });
}

function ask(
  services: Services,
  exchange: Exchange,
  page: RegistryRequest,
  order: readonly Upstream[],
): Promise<Walk> {
  return walk(services, {
    order,
    ask: (upstream, lastChance) =>
      consult(services, exchange, upstream, { ...errandOf(page, upstream), whole: true, lastChance }),
    insists: true,
    stopsAfterFailureOf: () => true,
  });
}

/** @throws RegistryError UPSTREAM_FAILED: what cannot be read cannot be shown in part */
async function namesOf({ upstream, said, attempts }: Answered): Promise<readonly string[]> {
  const { status, body } = said.answer;
  if (status !== 200) {
    body.destroy();
  }
  const text = status === 200 ? await readBounded(body, longestPage, upstream.timeouts.idle) : undefined;
  const names = text && readCatalog(text.toString());
  if (names === undefined) {
    const cause = status === 200 ? "sent a catalog that cannot be read" : `answered ${status}`;
    const failure = { kind: "broken", status, cause } as const;
    throw failureError([...attempts, { member: upstream, outcome: "failed", failure }]);
  }
  return names;
}

function answer(
  exchange: Exchange,
  { upstream, said }: Answered,
  names: readonly string[],
  shown: (name: string) => boolean,
): void {
  const repositories = names.filter(shown);
  const last = repositories.at(-1);
  const hidden = new Set(names.filter((name) => !shown(name)));
  const { headers } = said.answer;
  exchange.decision = { upstream: upstream.name, reason: "found; names that this client may pull" };
  repeat(exchange, upstream, {
    answer: { ...said.answer, headers: last === undefined ? headers : movedCursor(headers, hidden, last) },
    body: Buffer.from(JSON.stringify({ repositories })),
  });
}
