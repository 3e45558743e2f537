import { setTimeout as wait } from "node:timers/promises";
import { compareDigests, otherSideOf, type Tagged } from "../cache/shadowed-tags.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { type RawHeaders, warning } from "../protocol/headers.ts";
import { manifestTypes } from "../protocol/manifest.ts";
import { sha256 } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Push } from "../push/accepted.ts";
import type { PushedTag } from "../push/put-manifest.ts";
import { type ResolvedRule, ruleName } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { reportIfShadowed, type ShadowContext } from "./on-pull.ts";
import { type TagDigest, tagDigestAt } from "./tag-digest.ts";

/** What a proxy says about the tag. */
interface Said {
  readonly proxy: Upstream;
  readonly tag: TagDigest;
}

/** What is pushed, and by which rule. */
interface Context {
  readonly shadows: ShadowContext;
  readonly exchange: Exchange;
  readonly request: RegistryRequest;
  readonly rule: ResolvedRule<Upstream>;
  /** `team/app:1` */
  readonly name: string;
  readonly pushed: Tagged;
}

const timeout = 3_000;
// What the answer to a push waits for proxies once hosted has answered. What they say later goes to log and metric alone.
const grace = 200;

const nothingToCheck: PushedTag = {
  permit: () => Promise.resolve(),
  accepted: () => Promise.resolve([]),
};

/**
 * Asks the proxies of a repository's rule for the tag that is being pushed, at once. Neither `?ns=` nor a host name of hosted's
 * own leads around it.
 */
export function checkPushedTag(
  shadows: ShadowContext,
  exchange: Exchange,
  request: RegistryRequest,
  { to, body }: Push,
): PushedTag {
  const { resource } = request;
  if (resource.kind !== "manifest" || resource.byDigest) {
    return nothingToCheck;
  }
  const rule = shadows.policy.rulingFor(resource.repository, { namespace: undefined, host: undefined });
  const proxies = otherSideOf(to, rule.pull, rule);
  if (proxies.length === 0) {
    return nothingToCheck;
  }
  const name = `${resource.repository}:${resource.reference}`;
  const context = { shadows, exchange, request, rule, name, pushed: { member: to, digest: sha256(body) } };
  const answers = askAll(context, proxies);
  return {
    async permit() {
      if (rule.shadow === "deny") {
        permit(context, await answers);
      }
    },
    accepted() {
      // A host application's logger that throws must not cost the client its answer.
      const told = answers.then((said) => tell(context, said)).catch(() => []);
      return Promise.race([told, wait(grace, [], { ref: false })]);
    },
  };
}

/** Never rejects. */
function askAll(
  { shadows, exchange, request, rule }: Context,
  proxies: readonly Upstream[],
): Promise<Said[]> {
  // A refusal must not be got around by a reload at the right moment; a mere report may be lost.
  const ended = rule.shadow === "deny" ? [] : [shadows.ended];
  const question = { accept: manifestTypes, timeout, signals: [exchange.signal, ...ended] };
  // Its query is hosted's business.
  const plain = { ...request, search: "" };
  return Promise.all(
    proxies.map(async (proxy) => ({ proxy, tag: await tagDigestAt(proxy, plain, question) })),
  );
}

function permit({ rule, name, pushed: { digest: pushed } }: Context, said: readonly Said[]): void {
  for (const { proxy, tag } of said) {
    if (tag.outcome === "found" && compareDigests(tag.digest, pushed) === "different") {
      throw new RegistryError("DENIED", {
        reason: `${proxy.name} has ${name} with another digest`,
        message: `${name} is not pushed as ${pushed}: ${proxy.name} has that tag with ${tag.digest}, and ${ruleName(rule)} denies tags that shadow others`,
        detail: { upstream: proxy.name, digest: tag.digest, pushed },
      });
    }
  }
}

/** Tells everybody what was found. */
function tell(context: Context, said: readonly Said[]): RawHeaders {
  const { shadows, request, pushed } = context;
  return said.flatMap(({ proxy, tag }) => {
    if (tag.outcome === "found") {
      reportIfShadowed(shadows, request, pushed, { member: proxy, digest: tag.digest });
    }
    const text = remark(context, { proxy, tag });
    return text === undefined ? [] : ["Warning", warning(text)];
  });
}

function remark(context: Context, { proxy, tag }: Said): string | undefined {
  if (tag.outcome === "unknown") {
    return unchecked(context, proxy, tag.cause);
  }
  if (tag.outcome === "not_found") {
    return undefined;
  }
  const { name, pushed } = context;
  switch (compareDigests(tag.digest, pushed.digest)) {
    case "different":
      return `${proxy.name} has ${name} too, with ${tag.digest}; this push has ${pushed.digest}`;
    case "incomparable":
      return unchecked(context, proxy, `it has ${tag.digest} there`);
    case "same":
      return undefined;
  }
}

/** The private side goes on when a public one is in trouble; where a push might have been refused, that is said. */
function unchecked({ shadows, rule, name }: Context, { name: proxy }: Upstream, cause: string) {
  if (rule.shadow !== "deny") {
    return undefined;
  }
  const text = `could not check whether ${proxy} has ${name} with another digest: ${cause}`;
  shadows.logger?.warn({ upstream: proxy, rule: ruleName(rule) }, text);
  return text;
}
