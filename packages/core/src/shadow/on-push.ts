import { setTimeout as wait } from "node:timers/promises";
import { compareDigests, otherSideOf, type Tagged } from "../cache/shadowed-tags.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { type RawHeaders, warning } from "../protocol/headers.ts";
import { manifestTypes } from "../protocol/manifest.ts";
import { sha256 } from "../protocol/names.ts";
import { manifestRequest, pushedTags, type RegistryRequest } from "../protocol/request.ts";
import type { Push } from "../push/accepted.ts";
import type { PushedTag } from "../push/put-manifest.ts";
import { type ResolvedRule, ruleName } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { reportIfShadowed, type ShadowContext } from "./on-pull.ts";
import { type TagDigest, tagDigestAt } from "./tag-digest.ts";

interface ProxyTag {
  readonly check: Check;
  readonly proxy: Upstream;
  readonly tag: TagDigest;
}

interface Check {
  readonly shadows: ShadowContext;
  readonly request: RegistryRequest;
  readonly rule: ResolvedRule<Upstream>;
  readonly tag: string;
  readonly name: string;
  readonly pushed: Tagged;
}

// Milliseconds.
const timeout = 3_000;
// Milliseconds that the response to a push waits for proxies once hosted has answered. Later findings appear in log and metric only.
const grace = 200;

const nothingToCheck: PushedTag = {
  permit: () => Promise.resolve(),
  warnings: () => Promise.resolve([]),
};

/**
 * Asks the proxies of a repository's rule at once for each tag that is being pushed, those of `?tag=` included. Neither `?ns=` nor a host name of hosted
 * avoids this check.
 */
export function checkPushedTag(
  shadows: ShadowContext,
  exchange: Exchange,
  request: RegistryRequest,
  { to, body }: Push,
): PushedTag {
  const { resource } = request;
  const names = resource.kind === "manifest" ? pushedTags(resource) : [];
  if (resource.kind !== "manifest" || names.length === 0) {
    return nothingToCheck;
  }
  const rule = shadows.policy.rulingFor(resource.repository, { namespace: undefined, host: undefined });
  const proxies = otherSideOf(to, rule.pull, rule);
  if (proxies.length === 0) {
    return nothingToCheck;
  }
  const { repository } = resource;
  const pushed = { member: to, digest: sha256(body) };
  // A reload at the right moment must not avoid a refusal. A report may be lost.
  const ended = rule.shadow === "deny" ? [] : [shadows.ended];
  const query = { accept: manifestTypes, timeout, signals: [exchange.signal, ...ended] };
  const tags = Promise.all(
    names.flatMap((tag) => {
      // The client's query is meant for hosted.
      const plain = manifestRequest("PUT", repository, tag, undefined);
      const check = { shadows, request: plain, rule, tag, name: `${repository}:${tag}`, pushed };
      return proxies.map(async (proxy) => ({ check, proxy, tag: await tagDigestAt(proxy, plain, query) }));
    }),
  );
  return {
    async permit() {
      if (rule.shadow === "deny") {
        refuseShadow(await tags);
      }
    },
    warnings(tagsSet) {
      // A logger of the host application that throws must not cost the client its response.
      const warnings = tags
        .then((all) => report(all.filter(({ check }) => tagsSet.includes(check.tag))))
        .catch(() => []);
      return Promise.race([warnings, wait(grace, [], { ref: false })]);
    },
  };
}

/** @throws RegistryError DENIED if a proxy has the tag with another digest */
function refuseShadow(tags: readonly ProxyTag[]): void {
  for (const { check, proxy, tag } of tags) {
    const { rule, name } = check;
    const { digest: pushed } = check.pushed;
    if (tag.outcome === "found" && compareDigests(tag.digest, pushed) === "different") {
      throw new RegistryError("DENIED", {
        reason: `${proxy.name} has ${name} with another digest`,
        message: `${name} is not pushed as ${pushed}: ${proxy.name} has that tag with ${tag.digest}, and ${ruleName(rule)} denies tags that shadow others`,
        detail: { upstream: proxy.name, digest: tag.digest, pushed },
      });
    }
  }
}

/** Reports shadowed tags to log and metric, and returns `Warning` headers for the client. */
function report(tags: readonly ProxyTag[]): RawHeaders {
  return tags.flatMap(({ check, proxy, tag }) => {
    if (tag.outcome === "found") {
      reportIfShadowed(check.shadows, check.request, check.pushed, { member: proxy, digest: tag.digest });
    }
    const text = warningText({ check, proxy, tag });
    return text === undefined ? [] : ["Warning", warning(text)];
  });
}

function warningText({ check, proxy, tag }: ProxyTag): string | undefined {
  if (tag.outcome === "unknown") {
    return reportUnchecked(check, proxy, tag.cause);
  }
  if (tag.outcome === "not_found") {
    return undefined;
  }
  const { name, pushed } = check;
  switch (compareDigests(tag.digest, pushed.digest)) {
    case "different":
      return `${proxy.name} has ${name} too, with ${tag.digest}; this push has ${pushed.digest}`;
    case "incomparable":
      return reportUnchecked(check, proxy, `it has ${tag.digest} there`);
    case "same":
      return undefined;
  }
}

/** Pushes continue while a proxy is in trouble. Only where the rule might have refused the push, that is reported. */
function reportUnchecked({ shadows, rule, name }: Check, { name: proxy }: Upstream, cause: string) {
  if (rule.shadow !== "deny") {
    return undefined;
  }
  const text = `could not check whether ${proxy} has ${name} with another digest: ${cause}`;
  shadows.logger?.warn({ upstream: proxy, rule: ruleName(rule) }, text);
  return text;
}
