import type { CompleteConfig } from "../../config/complete.ts";
import { defaultRule } from "../../routing/policy.ts";
import type { Rule } from "../../routing/ruling.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";

/** What the configuration alone shows, and nothing forbids. */
export function options({ rules }: CompleteConfig, surveys: readonly Inspection[]): Finding[] {
  return [...surveys.flatMap(unverified), ...sameRegistry(surveys), ...chains(surveys), ...shadowed(rules)];
}

function unverified({ option, config, upstream }: Inspection): Finding[] {
  return config.url.protocol === "https:" && !config.tls.verify
    ? [
        {
          id: "tls-unverified",
          severity: "warning",
          where: `${option}.tls.verify`,
          what: `whoever stands between here and ${upstream.name} can pass for it`,
          advice: `give the certificate of its issuer in ${option}.tls (caFile in a file, ca in a program) and leave verify out`,
        },
      ]
    : [];
}

function sameRegistry(surveys: readonly Inspection[]): Finding[] {
  return surveys.flatMap(({ option, config, upstream }, index) => {
    const twin = surveys.slice(0, index).find(({ config: { url } }) => url.href === config.url.href);
    return twin === undefined
      ? []
      : [
          {
            id: "same-registry",
            severity: "error",
            where: `${option}.url`,
            what: `${upstream.name} and ${twin.upstream.name} are the same registry`,
            advice: "give each its own; a cache and a private registry are two, even of the same program",
          } as const,
        ];
  });
}

function chains(surveys: readonly Inspection[]): Finding[] {
  return surveys
    .filter(({ product }) => product.name === "Combined Registry")
    .map(({ upstream }) => ({
      id: "router",
      severity: "hint",
      where: upstream.name,
      what: "is a Combined Registry as well",
      advice: "see that it is not this one, and that the two have different names in via",
    }));
}

/** A public image can take the place of a private one. */
function shadowed(rules: readonly Rule[]): Finding[] {
  const guarded = rules.some((rule) => rule.owned || !rule.pull.some((name) => name !== "hosted"));
  const silent = rules.flatMap((rule, position): Finding[] =>
    rule.shadow === "allow" && !rule.owned && proxyFirst(rule)
      ? [
          {
            id: "shadow-allowed",
            severity: "warning",
            where: `rules[${position}].shadow`,
            what: "a public image takes the place of a private one of the same name and tag, and nobody is told",
            advice: "say shadow: warn or deny, or owned: true",
          },
        ]
      : [],
  );
  const byDefault = rules.some(({ match }) => match.includes("**")) ? rules : [...rules, defaultRule];
  const open = !guarded && byDefault.some(proxyFirst);
  return open
    ? [
        ...silent,
        {
          id: "proxy-first",
          severity: "hint",
          where: "rules",
          what: "no name is kept from the proxies: they hear of every private image, and a public one of the same name and tag comes first",
          advice:
            'give private names a rule, such as { match: "corp/**", pull: [hosted] }, or one with owned: true',
        },
      ]
    : silent;
}

function proxyFirst({ pull }: Pick<Rule, "pull">): boolean {
  return pull[0] !== "hosted" && pull.includes("hosted");
}
