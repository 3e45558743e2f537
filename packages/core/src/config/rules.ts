import { Patterns } from "../routing/patterns.ts";
import { isRestricted, type Principals, type Rule } from "../routing/ruling.ts";
import type { CompleteConfig, CompleteUpstream } from "./complete.ts";
import type { ConfigProblem } from "./problems.ts";
import type { ParsedRule } from "./schema.ts";

interface Upstreams {
  readonly hosted: CompleteUpstream;
  readonly proxies: readonly CompleteUpstream[];
}

export function completeRule({ push, access, ...rest }: ParsedRule, { hosted }: Upstreams): Rule {
  return {
    ...rest,
    onFailure: rest.onFailure,
    push: push ?? (includesHosted(rest.pull, hosted) ? "hosted" : "deny"),
    access: { pull: access.pull, push: access.push },
  };
}

/** Checks rules against the upstreams and against each other. */
export function ruleProblems(rules: readonly Rule[], { hosted, proxies }: Upstreams): ConfigProblem[] {
  const names = new Set(["hosted", "proxy", hosted.name, ...proxies.map(({ name }) => name)]);
  const patterns = new Patterns(rules.map(({ match }) => match));
  const problems: ConfigProblem[] = [];
  for (const [index, { match, pull, push }] of rules.entries()) {
    const option = `rules[${index}]`;
    for (const [position, name] of pull.entries()) {
      if (!names.has(name)) {
        const expected = `one of ${[...names].join(", ")}`;
        problems.push({ option: `${option}.pull[${position}]`, expected, given: JSON.stringify(name) });
      }
    }
    if (push === "hosted" && !includesHosted(pull, hosted)) {
      const expected = '"deny", or hosted in pull: what is pushed could not be pulled';
      problems.push({ option: `${option}.push`, expected, given: '"hosted"' });
    }
    // Each pattern covers itself, so there is a first one.
    const coverers = match.map((pattern) => patterns.firstCovering(pattern) ?? index);
    // A rule that never applies is a mistake, and may be one that sends a private name to a proxy.
    if (coverers.every((coverer) => coverer < index)) {
      const first = Math.min(...coverers);
      problems.push({
        option: `${option}.match`,
        expected: `a pattern that rules[${first}] (${rules[first]?.match.join(", ")}) does not cover, or a place before that rule`,
        given: match.map((pattern) => JSON.stringify(pattern)).join(", "),
      });
    }
  }
  return problems;
}

function includesHosted(pull: readonly string[], { name }: CompleteUpstream): boolean {
  return pull.includes("hosted") || pull.includes(name);
}

export function allowsAnonymous({ access }: Rule): boolean {
  return access.pull === "anonymous" || access.push === "anonymous";
}

export function accessProblems({ rules, authorize, hosted }: CompleteConfig): ConfigProblem[] {
  const expected = (who: Principals) => {
    if (hosted.auth === "passthrough") {
      return 'nothing beside hosted.auth "passthrough", with which hosted alone judges its users';
    }
    return authorize === undefined && isRestricted(who)
      ? 'authentication (auth.htpasswdFile, or an authorize function), without which the router knows no users, or "anonymous"'
      : undefined;
  };
  return rules.flatMap(({ access }, index) =>
    (["pull", "push"] as const).flatMap((kind) => {
      const who = access[kind];
      const wanted = who && expected(who);
      return wanted === undefined
        ? []
        : [{ option: `rules[${index}].access.${kind}`, expected: wanted, given: JSON.stringify(who) }];
    }),
  );
}
