import type { ExplainedAccess, ExplainedRule, Explanation } from "./explanation.ts";

/** An explanation in words, as `combined-registry explain` and the status page show it. */
export interface ExplanationText {
  /** The rule that decides: `rules[1]: match team/**; pull proxy, hosted; shadow warn`. */
  readonly rule: string;
  /** The clients that may pull: `anyone`, `every user`, `alice, bob`. */
  readonly pulledBy: string;
  /** The clients that may push and delete, in the same words. */
  readonly pushedBy: string;
  /** What the host in the name was taken for: `docker.io: the namespace of a proxy`; undefined without a host. */
  readonly host: string | undefined;
  /** The digest of the image that a pull gets; undefined if a pull gets none, or the upstream does not say. */
  readonly digest: string | undefined;
  /** A sentence with both digests for each proxy that has another image under this tag than hosted. */
  readonly shadowing: readonly string[];
}

/** How an explanation is described. */
export interface DescribeOptions {
  /**
   * Whether to leave out the rule's patterns and the names of its users, for a reader who may pull this image but need not learn of
   * others.
   * @default false
   */
  readonly redacted?: boolean;
}

/** Puts into words what an explanation says in codes: rule, access, host and shadowed tags. */
export function describeExplanation(
  explanation: Explanation,
  { redacted = false }: DescribeOptions = {},
): ExplanationText {
  const { rule, pull, host, shadowing, upstreams } = explanation;
  return {
    rule: `${rule.name}: ${describeRule(explanation, redacted)}`,
    pulledBy: describeAccess(rule.access.pull, redacted),
    pushedBy: describeAccess(rule.access.push, redacted),
    host: host && `${host.name}: ${hostMeans[host.means]}`,
    digest: upstreams.find(({ name }) => name === pull.from)?.digest,
    shadowing: shadowing.map(
      ({ hosted, proxy }) => `${proxy.name} has ${proxy.digest}, ${hosted.name} ${hosted.digest}`,
    ),
  };
}

const hostMeans = {
  hosts: "selects one registry",
  namespace: "the namespace of a proxy",
  nothing: "not an upstream's hosts or namespace, ignored",
} as const;

function describeRule({ rule, stopsAfterFailureOf }: Explanation, redacted: boolean): string {
  const { match, pull, owned, shadow } = rule;
  return [
    ...(redacted ? [] : [`match ${match.join(", ")}`]),
    `pull ${pull.join(", ")}`,
    ...describeStops(rule, stopsAfterFailureOf),
    ...(owned ? ["owned"] : []),
    `shadow ${shadow}`,
  ].join("; ");
}

/** Nothing for a rule that does not say, where the default changes nothing. */
function describeStops({ onFailure }: ExplainedRule, stopsAfterFailureOf: readonly string[]): string[] {
  if (onFailure !== undefined) {
    return [`on failure ${onFailure}`];
  }
  return stopsAfterFailureOf.length === 0 ? [] : [`on failure of ${stopsAfterFailureOf.join(", ")} stop`];
}

function describeAccess(access: ExplainedAccess, redacted: boolean): string {
  switch (access) {
    case "anonymous":
      return "anyone";
    case "authenticated":
      return "every user";
    case "authorize":
      return "clients that the router lets in";
    default:
      return redacted ? "some users" : access.join(", ");
  }
}
