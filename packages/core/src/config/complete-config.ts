import { randomBytes } from "node:crypto";
import { certificateProblems } from "./certificates.ts";
import type { CompleteConfig, CompleteUpstream, UpstreamKind } from "./complete.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { optionAt, problemsOf } from "./problems.ts";
import { configSchema, type ParsedConfig } from "./schema.ts";
import type { CombinedRegistryConfig } from "./written.ts";

/**
 * Makes a written configuration complete.
 * @throws ConfigError naming every option that is wrong, what was expected and what was given
 */
export function completeConfig(written: unknown): CompleteConfig {
  const parsed = configSchema.safeParse(written);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.flatMap((issue) => problemsOf(issue, written)));
  }
  const config = completeUpstreams(parsed.data);
  const problems = conflicts(config, written);
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return config;
}

/**
 * Checks what came out of a file.
 * @throws ConfigError as `createCombinedRegistryHandler` would
 */
export function assertConfig(value: unknown): asserts value is CombinedRegistryConfig {
  completeConfig(value);
}

type ParsedUpstream = ParsedConfig["hosted"] | ParsedConfig["proxy"][number];

function completeUpstreams(parsed: ParsedConfig): CompleteConfig {
  const { hosted, proxy, via, authorize, logger, ...rest } = parsed;
  const alone = proxy.length === 1;
  return {
    ...rest,
    hosted: completeUpstream(hosted, "hosted", "hosted"),
    proxies: proxy.map((one, index) =>
      completeUpstream(one, "proxy", alone ? "proxy" : `proxy-${index + 1}`),
    ),
    via: via ?? `combined-registry-${randomBytes(4).toString("hex")}`,
    authorize,
    logger,
  };
}

function completeUpstream(parsed: ParsedUpstream, kind: UpstreamKind, defaultName: string): CompleteUpstream {
  const url = new URL(parsed.url);
  url.pathname = url.pathname.replace(/\/+$/, "");
  const { ca, cert, key, serverName, verify } = parsed.tls;
  return {
    name: parsed.name ?? defaultName,
    kind,
    url,
    auth: parsed.auth,
    tls: { ca, cert, key, serverName, verify },
    timeouts: parsed.timeouts,
    redirects: parsed.redirects,
    breaker: parsed.breaker ?? undefined,
    lookups: parsed.lookups,
  };
}

/** What no single option shows. */
function conflicts(
  { hosted, proxies, authorize, operations }: CompleteConfig,
  written: unknown,
): ConfigProblem[] {
  const problems = [
    ...certificateProblems(hosted.tls, "hosted"),
    ...proxies.flatMap(({ tls }, index) => certificateProblems(tls, optionAt(["proxy", index], written))),
  ];
  const names = new Set([hosted.name]);
  proxies.forEach((proxy, index) => {
    if (names.has(proxy.name)) {
      problems.push({
        option: optionAt(["proxy", index, "name"], written),
        expected: "a name that no other upstream has",
        given: JSON.stringify(proxy.name),
      });
    }
    names.add(proxy.name);
  });
  if (authorize !== undefined && hosted.auth === "passthrough") {
    problems.push({
      option: "hosted.auth",
      expected:
        "the router's own credentials or none, since authorize judges the clients' (one Authorization header cannot be for both)",
      given: '"passthrough"',
    });
  }
  if (authorize === undefined && operations === "protected") {
    problems.push({
      option: "operations",
      expected: '"open" or "off" without authorize, which would judge who may see them',
      given: '"protected"',
    });
  }
  return problems;
}
