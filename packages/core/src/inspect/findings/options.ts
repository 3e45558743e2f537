import type { CompleteConfig } from "../../config/complete.ts";
import { defaultRule } from "../../routing/policy.ts";
import type { Rule } from "../../routing/ruling.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";

export function options(
  { rules, base, proxies }: CompleteConfig,
  inspections: readonly Inspection[],
): Finding[] {
  return [
    ...inspections.flatMap(unverified),
    ...sameRegistry(inspections),
    ...inspections.flatMap(chained),
    ...shadowingAllowed(rules),
    ...publicFirst(rules),
    ...everyUpstream(base, proxies.length),
  ];
}

function everyUpstream(base: CompleteConfig["base"], proxies: number): Finding[] {
  return base === "all" && proxies > 0
    ? [
        {
          id: "base-all",
          severity: "warning",
          where: "base",
          what: "podman and skopeo stop while a proxy is down, private images included: /v2/ answers 200 only if every upstream can be used",
          advice: "set base: hosted, unless clients are to notice that a proxy is down",
        },
      ]
    : [];
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
    // Two accounts may see different images there.
    const same = inspections
      .slice(0, index)
      .find(
        (earlier) =>
          earlier.config.url.href === config.url.href &&
          JSON.stringify(earlier.config.auth) === JSON.stringify(config.auth),
      );
    if (same === undefined) {
      return [];
    }
    const what = `${upstream.name} and ${same.upstream.name} are the same registry`;
    const advice =
      "give each its own URL: a cache and a private registry are two processes, even of the same program";
    return [{ id: "same-registry", severity: "error" as const, where: `${option}.url`, what, advice }];
  });
}

function chained({ product, upstream }: Inspection): Finding[] {
  if (product.name !== "Combined Registry") {
    return [];
  }
  const what = "is a Combined Registry as well";
  const advice = "check that it is not this router itself, and that the two have different names in via";
  return [{ id: "router", severity: "hint", where: upstream.name, what, advice }];
}

function shadowingAllowed(rules: readonly Rule[]): Finding[] {
  return rules.flatMap((rule, position): Finding[] =>
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
}

function publicFirst(rules: readonly Rule[]): Finding[] {
  const isGuarded = rules.some(({ owned, pull }) => owned || pull.every((name) => name === "hosted"));
  const effective = rules.some(({ match }) => match.includes("**")) ? rules : [...rules, defaultRule];
  if (isGuarded || !effective.some(proxyFirst)) {
    return [];
  }
  return [
    {
      id: "proxy-first",
      severity: "hint",
      where: "rules",
      what: "no rule keeps a name from the proxies: they see the name of every private image, and a public image of the same name and tag comes first",
      advice:
        'give private names a rule, such as { match: "corp/**", pull: [hosted] }, or one with owned: true',
    },
  ];
}

function proxyFirst({ pull }: Pick<Rule, "pull">): boolean {
  return pull[0] !== "hosted" && pull.includes("hosted");
}
