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

/** What a tag stands for at one upstream. */
export interface Tagged {
  readonly member: Member;
  readonly digest: string;
}

/** A shadowed tag that was found, as it is remembered: names, so that no upstream is kept that is there no more. */
export interface FoundShadow {
  readonly repository: string;
  readonly tag: string;
  readonly hosted: { readonly name: string; readonly digest: string };
  readonly proxy: { readonly name: string; readonly digest: string };
}

/** What of a rule is about shadowed tags. */
export type ShadowRule = Pick<Rule, "shadow" | "owned">;

/**
 * Who is to be asked for a tag that `holder` has: hosted where a proxy has it, the proxies where hosted has. Nobody if shadows are
 * allowed, or cannot be: what hosted owns, no proxy hears of.
 * @param members whom the policy names for the repository
 */
export function otherSideOf<M extends Member>(
  holder: Member,
  members: readonly M[],
  { shadow, owned }: ShadowRule,
): readonly M[] {
  return shadow === "allow" || owned ? [] : members.filter(({ kind }) => kind !== holder.kind);
}

/** How two digests go together; those of different algorithms cannot be compared. */
export function compareDigests(one: string, other: string): "same" | "different" | "incomparable" {
  if (one === other) {
    return "same";
  }
  return algorithmOf(one) === algorithmOf(other) ? "different" : "incomparable";
}

function algorithmOf(digest: string): string {
  return digest.slice(0, digest.indexOf(":"));
}

const checkedFor = 10 * 60 * 1000;
const mostChecked = 10_000;
const mostFound = 10_000;
const checksAtOnce = 4;

/** Which tags were checked lately, and what was found: a tag costs a check now and then, and a finding is told once. */
export class ShadowLog {
  readonly #checked: LRUCache<string, true>;
  readonly #found = new LRUCache<string, FoundShadow>({ max: mostFound });
  #underWay = 0;

  /** @param ttl milliseconds until a tag that was checked may be checked again */
  constructor(ttl = checkedFor) {
    this.#checked = new LRUCache({ max: mostChecked, ...expiryAfter(ttl) });
  }

  /** Whether a check of a tag may begin now. */
  mayBegin(repository: string, tag: string): boolean {
    return this.#underWay < checksAtOnce && !this.#checked.has(`${repository}:${tag}`);
  }

  /** If it may: from now on the tag counts as checked, whatever comes of it, and `end` has to follow. */
  begin(repository: string, tag: string): boolean {
    if (!this.mayBegin(repository, tag)) {
      return false;
    }
    this.#checked.set(`${repository}:${tag}`, true);
    this.#underWay += 1;
    return true;
  }

  /** A check is over. */
  end(): void {
    this.#underWay -= 1;
  }

  /** Whether a finding has not been told yet; from now on it has. */
  isNews({ repository, tag, hosted, proxy }: ShadowedTag): boolean {
    const key = [`${repository}:${tag}`, hosted.digest, proxy.member.name, proxy.digest].join(" ");
    const known = this.#found.has(key);
    this.#found.set(key, {
      repository,
      tag,
      hosted: { name: hosted.member.name, digest: hosted.digest },
      proxy: { name: proxy.member.name, digest: proxy.digest },
    });
    return !known;
  }

  /** So many findings at most, the latest first; of one tag and proxy, what was found last. */
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
