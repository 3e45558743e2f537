import { KeyedMutex } from "../concurrency/semaphore.ts";
import type { PeersConfig } from "../config/options.ts";
import { detached, type Exchange } from "../http/exchange.ts";
import { errorCodes } from "../protocol/error-body.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { type Descriptor, imageIndex, referrersTag } from "../protocol/referrers.ts";
import { manifestRequest } from "../protocol/request.ts";
import type { Invalidation } from "../pull/invalidate.ts";
import type { FailureReport } from "../routing/classify.ts";
import { broken, type QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import { listUnderTag, type SubjectLocation } from "./tag-schema.ts";

interface IndexContext {
  readonly invalidation: Invalidation;
  readonly peers: PeersConfig | undefined;
}

/**
 * Maintains the `sha256-...` tags of registries without the referrers API. Clients do that themselves unless the registry, here the
 * router, has the API.
 */
export class ReferrersIndex {
  readonly #context: IndexContext;
  readonly #writers: KeyedMutex;

  /** @param before of an earlier configuration, whose requests may still be writing */
  constructor(context: IndexContext, before?: ReferrersIndex) {
    this.#context = context;
    this.#writers = before === undefined ? new KeyedMutex() : before.#writers;
  }

  /**
   * Lists a manifest among its subject's referrers (distribution-spec 1.1, "Referrers Tag Schema").
   * @returns the failure, if the list could not be changed
   */
  add(
    exchange: Exchange,
    location: SubjectLocation,
    descriptor: Descriptor,
  ): Promise<FailureReport | undefined> {
    return this.#change(exchange, location, (listed) =>
      listed.some(({ digest }) => digest === descriptor.digest) ? undefined : [...listed, descriptor],
    );
  }

  /**
   * Removes a deleted manifest from the list of its subject's referrers.
   * @returns the failure, if the list could not be changed
   */
  remove(exchange: Exchange, location: SubjectLocation, deleted: string): Promise<FailureReport | undefined> {
    return this.#change(exchange, location, (listed) => {
      const rest = listed.filter(({ digest }) => digest !== deleted);
      return rest.length === listed.length ? undefined : rest;
    });
  }

  /**
   * Changes a list under a lock of this process, and then under one of all processes, if they have one.
   * @param alter returns the new list; undefined if it does not change
   */
  #change(
    exchange: Exchange,
    location: SubjectLocation,
    alter: (listed: readonly Descriptor[]) => readonly Descriptor[] | undefined,
  ): Promise<FailureReport | undefined> {
    const { member, repository, subject } = location;
    const tag = referrersTag(subject);
    if (tag === undefined) {
      return Promise.resolve(undefined);
    }
    const key = JSON.stringify([member.name, repository, tag]);
    // A client that leaves now may find the manifest at hosted later, and not push it again.
    const lasting = detached(exchange);
    const change = async (): Promise<FailureReport | undefined> => {
      const known = await listUnderTag(lasting, location);
      if (known.outcome !== "listed") {
        return failureIn(known);
      }
      const altered = alter(known.descriptors);
      if (altered === undefined) {
        return undefined;
      }
      if (known.isTaken === true) {
        // As the specification asks of clients (distribution-spec 1.1, "Pushing Manifests with Subject").
        return failureIn(broken(`the tag ${tag} has a manifest that is no index of referrers`));
      }
      const said = await this.#write(lasting, location, tag, altered);
      const missing = missingAmong(known.descriptors, said);
      if (missing.size === 0) {
        return failureIn(said);
      }
      // An added manifest stays: the missing ones are of the earlier list.
      const rest = altered.filter((one) => !missing.has(one));
      return failureIn(await this.#write(lasting, location, tag, rest));
    };
    const { peers } = this.#context;
    return this.#writers.run(key, () => (peers === undefined ? change() : peers.withLock(key, change)));
  }

  async #write(
    exchange: Exchange,
    { member, repository, namespace }: SubjectLocation,
    tag: string,
    manifests: readonly Descriptor[],
  ): Promise<QueryOutcome> {
    const body = Buffer.from(imageIndex(manifests));
    if (body.length > longestManifest) {
      return broken(
        `an index of all ${manifests.length} referrers of the subject has ${body.length} bytes, and a manifest may have ${longestManifest}`,
      );
    }
    const put = manifestRequest("PUT", repository, tag, namespace);
    const query = { ...toUpstreamRequest(put, member, exchange), body, type: indexType };
    let said: QueryOutcome;
    try {
      said = await member.query(query);
    } finally {
      await this.#context.invalidation.put(put.resource, body);
    }
    if (said.outcome === "found") {
      // Hosted does not own a repository for having referrers in it.
      await readUpTo(said.answer.body, errorBodyLimit, member.timeouts.idle);
    }
    return said;
  }
}

/**
 * Registries reject an index that names a missing manifest. Without this, a manifest that was deleted past the router would keep
 * every later one off the list.
 */
function missingAmong(listed: readonly Descriptor[], said: QueryOutcome): ReadonlySet<Descriptor> {
  const text = said.outcome === "final" || said.outcome === "not_found" ? said.body.toString() : "";
  const isIncomplete = errorCodes(text).some(
    (code) => code === "MANIFEST_BLOB_UNKNOWN" || code === "MANIFEST_UNKNOWN",
  );
  return new Set(isIncomplete ? listed.filter(({ digest }) => text.includes(digest)) : []);
}

function failureIn(said: QueryOutcome): FailureReport | undefined {
  if (said.outcome === "failed") {
    return said.failure;
  }
  const { status } = said.answer;
  return status >= 200 && status < 300 ? undefined : { kind: "broken", cause: `answered ${status}`, status };
}
