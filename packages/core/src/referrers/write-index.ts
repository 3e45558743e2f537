import { KeyedMutex } from "../concurrency/semaphore.ts";
import type { PeersConfig } from "../config/options.ts";
import { detached, type Exchange } from "../http/exchange.ts";
import { errorCodes } from "../protocol/error-body.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { type Descriptor, imageIndex, referrersTag } from "../protocol/referrers.ts";
import { manifestRequest } from "../protocol/request.ts";
import type { Invalidation } from "../pull/invalidate.ts";
import type { Ownership } from "../pull/ownership.ts";
import type { FailureReport } from "../routing/outcome.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import { listUnderTag, type SubjectLocation } from "./tag-schema.ts";

/** What writing a list of referrers has consequences for. */
export interface IndexContext {
  readonly invalidation: Invalidation;
  readonly ownership: Ownership;
  /** The other processes, between which there may be a lock. */
  readonly peers: PeersConfig | undefined;
}

/** Keeps lists of referrers at registries without the API, as clients would if the router did not answer in their place. */
export class ReferrersIndex {
  readonly #context: IndexContext;
  /** Those who write a list. */
  readonly #turns: KeyedMutex;

  /** @param before of an earlier configuration, whose requests may still be writing */
  constructor(context: IndexContext, before?: ReferrersIndex) {
    this.#context = context;
    this.#turns = before === undefined ? new KeyedMutex() : before.#turns;
  }

  /**
   * Lists a manifest among its subject's referrers (distribution-spec 1.1, "Referrers Tag Schema").
   * @returns why it could not be done
   */
  add(
    exchange: Exchange,
    place: SubjectLocation,
    descriptor: Descriptor,
  ): Promise<FailureReport | undefined> {
    return this.#change(exchange, place, (listed) =>
      listed.some(({ digest }) => digest === descriptor.digest) ? undefined : [...listed, descriptor],
    );
  }

  /**
   * Takes a manifest that was deleted off the list of its subject's referrers.
   * @returns why it could not be done
   */
  remove(exchange: Exchange, place: SubjectLocation, deleted: string): Promise<FailureReport | undefined> {
    return this.#change(exchange, place, (listed) => {
      const rest = listed.filter(({ digest }) => digest !== deleted);
      return rest.length === listed.length ? undefined : rest;
    });
  }

  /** @param alter the list as it is to be; undefined if it may stay */
  #change(
    exchange: Exchange,
    place: SubjectLocation,
    alter: (listed: readonly Descriptor[]) => readonly Descriptor[] | undefined,
  ): Promise<FailureReport | undefined> {
    const { member, repository, subject } = place;
    const key = JSON.stringify([member.name, repository, referrersTag(subject)]);
    // A client that leaves now may find the manifest at hosted when it comes back, and not push it again.
    const lasting = detached(exchange);
    return this.#inTurn(key, async () => {
      const known = await listUnderTag(lasting, place);
      if (known.kind !== "listed") {
        return known.kind === "failed" ? known.failure : refusal(known.said);
      }
      const altered = alter(known.descriptors);
      if (altered === undefined) {
        return undefined;
      }
      const said = await this.#write(lasting, place, altered);
      const missing = missingAmong(known.descriptors, said);
      // What is to be added is never given up for it.
      const rest = altered.filter((one) => !missing.has(one));
      return refusal(missing.size === 0 ? said : await this.#write(lasting, place, rest));
    });
  }

  /** One after the other in this process, and then among all of them, if there is a lock between them. */
  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { peers } = this.#context;
    return this.#turns.run(key, () => (peers === undefined ? work() : peers.withLock(key, work)));
  }

  async #write(
    exchange: Exchange,
    { member, repository, subject, namespace }: SubjectLocation,
    manifests: readonly Descriptor[],
  ): Promise<QueryOutcome> {
    const body = Buffer.from(imageIndex(manifests));
    if (body.length > longestManifest) {
      const cause = "the subject has more referrers than fit into an index of 4 MiB";
      return { outcome: "failed", failure: { kind: "broken", cause } };
    }
    const put = manifestRequest("PUT", repository, referrersTag(subject), namespace);
    const asked = { ...toUpstreamRequest(put, member, exchange), body, type: indexType };
    let said: QueryOutcome;
    try {
      said = await member.query(asked);
    } finally {
      await this.#context.invalidation.put(put.resource, body);
    }
    if (said.outcome === "found") {
      await readUpTo(said.answer.body, errorBodyLimit, member.timeouts.idle);
      this.#context.ownership.pushed(repository);
    }
    return said;
  }
}

/**
 * Registries accept no index of manifests that they have not got. One that was deleted without the router's knowledge would
 * otherwise keep every later one off the list.
 */
function missingAmong(listed: readonly Descriptor[], said: QueryOutcome): ReadonlySet<Descriptor> {
  const text = said.outcome === "final" || said.outcome === "not_found" ? said.body.toString() : "";
  const lacks = errorCodes(text).some(
    (code) => code === "MANIFEST_BLOB_UNKNOWN" || code === "MANIFEST_UNKNOWN",
  );
  return new Set(lacks ? listed.filter(({ digest }) => text.includes(digest)) : []);
}

function refusal(said: QueryOutcome): FailureReport | undefined {
  if (said.outcome === "failed") {
    return said.failure;
  }
  const { status } = said.answer;
  return status >= 200 && status < 300 ? undefined : { kind: "broken", cause: `answered ${status}`, status };
}
