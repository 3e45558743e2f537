import type { RouterContext } from "../router-context.ts";
import type { CheckReport, Finding, UpstreamReport } from "./check-report.ts";
import { credentials, realms } from "./findings/credentials.ts";
import { deletesAt, heads, hosted, proxy, referrersAt } from "./findings/hosted.ts";
import { options } from "./findings/options.ts";
import { clocks, reach } from "./findings/reach.ts";
import { addressOf, type Inspection, inspectUpstream } from "./inspection.ts";

/** Sends probes to every upstream at once, and reports what is wrong or harmful. Never rejects. */
export async function check(context: RouterContext): Promise<CheckReport> {
  const { config, upstreams } = context;
  const configs = [config.hosted, ...config.proxies];
  const alone = config.proxies.length === 1;
  const inspections = await Promise.all(
    upstreams.flatMap((upstream, index) => {
      const own = configs[index];
      const option = index === 0 ? "hosted" : alone ? "proxy" : `proxy[${index - 1}]`;
      return own === undefined ? [] : [inspectUpstream(context, { upstream, config: own, option })];
    }),
  );
  const findings: Finding[] = [
    ...inspections.flatMap((one) => [
      ...reach(one),
      ...credentials(one),
      ...realms(one),
      ...hosted(one),
      ...proxy(one),
      ...heads(one),
    ]),
    ...clocks(inspections),
    ...options(config, inspections),
  ];
  return {
    ok: findings.every(({ severity }) => severity !== "error"),
    upstreams: inspections.map(describe),
    findings,
  };
}

function describe(one: Inspection): UpstreamReport {
  const { upstream, base, product, clockSkew } = one;
  const status = base.failure === undefined ? base.status : base.failure.status;
  const deletes = deletesAt(one);
  const referrers = referrersAt(one);
  return {
    name: upstream.name,
    kind: upstream.kind,
    url: addressOf(upstream.url),
    reachable: status !== undefined,
    ...(status !== undefined && { status }),
    latency: Math.round(base.latency * 10) / 10,
    product: product.name,
    ...(product.version !== undefined && { version: product.version }),
    ...(product.cache !== undefined && { cache: product.cache }),
    ...(deletes !== undefined && { deletes }),
    ...(referrers !== undefined && { referrers }),
    ...(clockSkew !== undefined && { clockSkew }),
  };
}
