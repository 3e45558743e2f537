import { Patterns } from "../routing/patterns.ts";
import { isRestricted, type Principals, type Rule } from "../routing/ruling.ts";
import type { CompleteConfig, CompleteUpstream } from "./complete.ts";
import type { ConfigProblem } from "./problems.ts";
import type { ParsedRule } from "./rule-schema.ts";

/** The upstreams that rules can name. */
export interface Named {
  readonly hosted: CompleteUpstream;
  readonly proxies: readonly CompleteUpstream[];
}

/** Fills in what one option of a rule follows from another. */
export function completeRule({ push, access, ...rest }: ParsedRule, { hosted }: Named): Rule {
  return {
    ...rest,
    push: push ?? (includesHosted(rest.pull, hosted) ? "hosted" : "deny"),
    access: { pull: access.pull, push: access.push },
  };
}

/** What is wrong with rules that are each well formed. */
export function ruleProblems(rules: readonly Rule[], named: Named): ConfigProblem[] {
  const all = new Patterns(rules.map(({ match }) => match));
  return rules.flatMap((rule, index) => [
    ...unknownUpstreams(rule, index, named),
    ...pushesForNobody(rule, index, named),
    ...unreachable(rule, index, rules, all),
  ]);
}

function unknownUpstreams({ pull }: Rule, index: number, { hosted, proxies }: Named): ConfigProblem[] {
  const names = ["hosted", "proxy", hosted.name, ...proxies.map(({ name }) => name)];
  const known = [...new Set(names)];
  return pull.flatMap((name, place) =>
    known.includes(name)
      ? []
      : [
          {
            option: `rules[${index}].pull[${place}]`,
            expected: `one of ${known.join(", ")}`,
            given: JSON.stringify(name),
          },
        ],
  );
}

function pushesForNobody({ pull, push }: Rule, index: number, { hosted }: Named): ConfigProblem[] {
  return push === "deny" || includesHosted(pull, hosted)
    ? []
    : [
        {
          option: `rules[${index}].push`,
          expected: '"deny", or hosted in pull: what is pushed could not be pulled',
          given: '"hosted"',
        },
      ];
}

/** A rule of whose patterns earlier rules leave nothing is a mistake, and may be one that lets a private name out. */
function unreachable({ match }: Rule, index: number, rules: readonly Rule[], all: Patterns): ConfigProblem[] {
  // Each pattern covers itself, so there is a first one.
  const coverers = match.map((pattern) => all.firstCovering(pattern) ?? index);
  const first = Math.min(...coverers);
  return coverers.some((coverer) => coverer >= index)
    ? []
    : [
        {
          option: `rules[${index}].match`,
          expected: `a pattern that rules[${first}] (${rules[first]?.match.join(", ")}) does not cover, or a place before that rule`,
          given: match.map((pattern) => JSON.stringify(pattern)).join(", "),
        },
      ];
}

function includesHosted(pull: readonly string[], { name }: CompleteUpstream): boolean {
  return pull.includes("hosted") || pull.includes(name);
}

/** Whether a rule is also for those who do not say who they are. */
export function letsInAnybody({ access }: Rule): boolean {
  return access.pull === "anonymous" || access.push === "anonymous";
}

/** Rules on who may what need somebody who says who a client is. */
export function accessProblems({ rules, authorize, hosted }: CompleteConfig): ConfigProblem[] {
  const expected = (who: Principals) => {
    if (hosted.auth === "passthrough") {
      return 'nothing beside hosted.auth "passthrough", with which hosted alone judges its users';
    }
    return authorize === undefined && isRestricted(who)
      ? 'authentication (auth.htpasswdFile, or an authorize function), without which nobody is known, or "anonymous"'
      : undefined;
  };
  return rules.flatMap(({ access }, index) =>
    (["pull", "push"] as const).flatMap((right) => {
      const who = access[right];
      const wanted = who && expected(who);
      return wanted === undefined
        ? []
        : [{ option: `rules[${index}].access.${right}`, expected: wanted, given: JSON.stringify(who) }];
    }),
  );
}
