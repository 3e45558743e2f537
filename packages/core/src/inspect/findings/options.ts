import type { CompleteConfig } from "../../config/complete.ts";
import { defaultRule } from "../../routing/policy.ts";
import type { Rule } from "../../routing/ruling.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";

/** Settings that are allowed but harmful. */
export function options({ rules }: CompleteConfig, inspections: readonly Inspection[]): Finding[] {
  return [
    ...inspections.flatMap(unverified),
    ...sameRegistry(inspections),
    ...chains(inspections),
    ...shadowed(rules),
  ];
}

function unverified({ option, config, upstream }: Inspection): Finding[] {
  return config.url.protocol === "https:" && !config.tls.verify
    ? [
        {
          id: "tls-unverified",
          severity: "warning",
          where: `${option}.tls.verify`,
          what: `anyone on the network between the router and ${upstream.name} can impersonate it`,
          advice: `give the certificate of its issuer in ${option}.tls (caFile in a file, ca in a program) and remove verify`,
        },
      ]
    : [];
}

function sameRegistry(inspections: readonly Inspection[]): Finding[] {
  return inspections.flatMap(({ option, config, upstream }, index) => {
    const twin = inspections.slice(0, index).find(({ config: { url } }) => url.href === config.url.href);
    return twin === undefined
      ? []
      : [
          {
            id: "same-registry",
            severity: "error",
            where: `${option}.url`,
            what: `${upstream.name} and ${twin.upstream.name} are the same registry`,
            advice:
              "give each its own URL: a cache and a private registry are two processes, even of the same program",
          } as const,
        ];
  });
}

function chains(inspections: readonly Inspection[]): Finding[] {
  return inspections
    .filter(({ product }) => product.name === "Combined Registry")
    .map(({ upstream }) => ({
      id: "router",
      severity: "hint",
      where: upstream.name,
      what: "is a Combined Registry as well",
      advice: "check that it is not this router itself, and that the two have different names in via",
    }));
}

/** Rules under which a public image can replace a private one. */
function shadowed(rules: readonly Rule[]): Finding[] {
  const guarded = rules.some((rule) => rule.owned || !rule.pull.some((name) => name !== "hosted"));
  const silent = rules.flatMap((rule, position): Finding[] =>
    rule.shadow === "allow" && !rule.owned && proxyFirst(rule)
      ? [
          {
            id: "shadow-allowed",
            severity: "warning",
            where: `rules[${position}].shadow`,
            what: "a public image replaces a private one of the same name and tag without a warning",
            advice: "set shadow: warn or deny, or owned: true",
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
          what: "no rule keeps a name from the proxies: they see the name of every private image, and a public image of the same name and tag comes first",
          advice:
            'give private names a rule, such as { match: "corp/**", pull: [hosted] }, or one with owned: true',
        },
      ]
    : silent;
}

function proxyFirst({ pull }: Pick<Rule, "pull">): boolean {
  return pull[0] !== "hosted" && pull.includes("hosted");
}
