import { LRUCache } from "lru-cache";
import type { Member, Rule } from "../routing/ruling.ts";
import { expiryAfter } from "./bounds.ts";

/** A tag that hosted and a proxy have with different digests. */
export interface ShadowedTag {
  readonly repository: string;
  readonly tag: string;
  readonly hosted: Tagged;
  readonly proxy: Tagged;
}

export interface Tagged {
  readonly member: Member;
  readonly digest: string;
}

/** A shadowed tag with the names of the upstreams, so that it does not keep an upstream in memory that a reload has replaced. */
export interface FoundShadow {
  readonly repository: string;
  readonly tag: string;
  readonly hosted: { readonly name: string; readonly digest: string };
  readonly proxy: { readonly name: string; readonly digest: string };
}

type ShadowRule = Pick<Rule, "shadow" | "owned">;

/**
 * The members that may have the same tag as `holder`: hosted for a proxy, the proxies for hosted. None if shadows are allowed, or
 * impossible because hosted owns the repository.
 * @param members those that the rule allows
 */
export function otherSideOf<M extends Member>(
  holder: Member,
  members: readonly M[],
  { shadow, owned }: ShadowRule,
): readonly M[] {
  return shadow === "allow" || owned ? [] : members.filter(({ kind }) => kind !== holder.kind);
}

export function compareDigests(one: string, other: string): "same" | "different" | "incomparable" {
  if (one === other) {
    return "same";
  }
  const [algorithm = ""] = one.split(":");
  return other.startsWith(`${algorithm}:`) ? "different" : "incomparable";
}

// Milliseconds.
const checkInterval = 10 * 60 * 1000;
const mostChecked = 10_000;
const mostFound = 10_000;
const checksAtOnce = 4;

/** Limits how often tags are checked, and reports each finding once. */
export class ShadowLog {
  readonly #checked: LRUCache<string, true>;
  readonly #found = new LRUCache<string, FoundShadow>({ max: mostFound });
  #running = 0;

  /** @param ttl milliseconds between two checks of one tag */
  constructor(ttl = checkInterval) {
    this.#checked = new LRUCache({ max: mostChecked, ...expiryAfter(ttl) });
  }

  mayBegin(repository: string, tag: string): boolean {
    return this.#running < checksAtOnce && !this.#checked.has(`${repository}:${tag}`);
  }

  /** Begins a check if that is allowed; `end` has to follow. The tag counts as checked, even if the check fails. */
  begin(repository: string, tag: string): boolean {
    if (!this.mayBegin(repository, tag)) {
      return false;
    }
    this.#checked.set(`${repository}:${tag}`, true);
    this.#running += 1;
    return true;
  }

  end(): void {
    this.#running -= 1;
  }

  isNews({ repository, tag, hosted, proxy }: ShadowedTag): boolean {
    const key = [`${repository}:${tag}`, hosted.digest, proxy.member.name, proxy.digest].join(" ");
    const isNews = !this.#found.has(key);
    this.#found.set(key, {
      repository,
      tag,
      hosted: { name: hosted.member.name, digest: hosted.digest },
      proxy: { name: proxy.member.name, digest: proxy.digest },
    });
    return isNews;
  }

  /** At most `count` findings, the latest first. Of one tag and proxy, only the latest. */
  latest(count: number): FoundShadow[] {
    const latest = new Map<string, FoundShadow>();
    for (const found of this.#found.values()) {
      const key = `${found.repository}:${found.tag} ${found.proxy.name}`;
      if (!latest.has(key)) {
        latest.set(key, found);
      }
      if (latest.size === count) {
        break;
      }
    }
    return [...latest.values()];
  }
}
