import { randomBytes } from "node:crypto";
import { certificateProblems } from "./certificates.ts";
import type { CompleteConfig, CompleteUpstream, UpstreamKind } from "./complete.ts";
import type { CombinedRegistryConfig } from "./options.ts";
import { ConfigError, type ConfigProblem, optionAt, problemsOf } from "./problems.ts";
import { accessProblems, allowsAnonymous, completeRule, ruleProblems } from "./rules.ts";
import { configSchema, type ParsedConfig } from "./schema.ts";

/**
 * Parses a configuration and adds the defaults.
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

type ParsedUpstream = Omit<ParsedConfig["proxy"][number], "auth"> & {
  readonly auth?: CompleteUpstream["auth"];
  readonly forwardHeaders: readonly string[];
};

function completeUpstreams(parsed: ParsedConfig): CompleteConfig {
  const { hosted, proxy, rules, via, authorize, peers, onDecision, logger, metrics, statusPage, ...rest } =
    parsed;
  const isSingle = proxy.length === 1;
  const upstreams = {
    hosted: completeUpstream({ ...notForHosted, ...hosted }, "hosted", "hosted"),
    proxies: proxy.map((one, index) =>
      completeUpstream({ ...notForProxies, ...one }, "proxy", isSingle ? "proxy" : `proxy-${index + 1}`),
    ),
  };
  const completeRules = rules.map((rule) => completeRule(rule, upstreams));
  return {
    ...rest,
    ...upstreams,
    rules: completeRules,
    via: via ?? `combined-registry-${randomBytes(4).toString("hex")}`,
    metrics: { process: metrics.process, page: metrics.page },
    statusPage: statusPage === undefined ? "alone" : statusPage ? "on" : "off",
    authorize,
    peers,
    tokens: authorize !== undefined && completeRules.some(allowsAnonymous),
    onDecision,
    logger,
  };
}

const notForHosted = { namespace: undefined, libraryPrefix: false, match: ["**"] };
const notForProxies = { forwardHeaders: [] };

function completeUpstream(parsed: ParsedUpstream, kind: UpstreamKind, defaultName: string): CompleteUpstream {
  const url = new URL(parsed.url);
  // Other programs want the address with `/v2/`. The router adds it itself.
  url.pathname = url.pathname.replace(/(?:\/+v2)?\/*$/i, "");
  const { ca, cert, key, serverName, verify } = parsed.tls;
  return {
    ...parsed,
    name: parsed.name ?? defaultName,
    kind,
    url,
    auth: parsed.auth,
    tls: { ca, cert, key, serverName, verify },
    breaker: parsed.breaker ?? undefined,
    forwardHeaders: parsed.forwardHeaders.map((name) => name.toLowerCase()),
    aliases: parsed.aliases.map((alias) => new URL(alias).host),
    namespace: parsed.namespace,
  };
}

function conflicts(config: CompleteConfig, written: unknown): ConfigProblem[] {
  const { hosted, proxies, authorize, operations } = config;
  const problems = [
    ...certificateProblems(hosted.tls, "hosted"),
    ...proxies.flatMap(({ tls }, index) => certificateProblems(tls, optionAt(["proxy", index], written))),
  ];
  const names = new Set([hosted.name]);
  for (const [index, { name }] of proxies.entries()) {
    if (names.has(name)) {
      problems.push({
        option: optionAt(["proxy", index, "name"], written),
        expected: "a name that no other upstream has",
        given: JSON.stringify(name),
      });
    }
    names.add(name);
  }
  problems.push(
    ...misleadingNames(config, written),
    ...duplicateHosts(config, written),
    ...ruleProblems(config.rules, config),
    ...accessProblems(config),
  );
  if (authorize !== undefined && hosted.auth === "passthrough") {
    problems.push({
      option: "hosted.auth",
      expected:
        "the router's own credentials or none, since the router checks the clients' credentials itself (one Authorization header cannot serve both)",
      given: '"passthrough"',
    });
  }
  if (authorize === undefined && operations === "protected") {
    problems.push({
      option: "operations",
      expected: '"open" or "off" without authorize, which decides who may see them',
      given: '"protected"',
    });
  }
  return problems;
}

/** In rules, `hosted` and `proxy` stand for all upstreams of that kind. */
function misleadingNames({ hosted, proxies }: CompleteConfig, written: unknown): ConfigProblem[] {
  const problems = hosted.name === "proxy" ? [misleadingName("hosted.name", hosted.name)] : [];
  for (const [index, { name }] of proxies.entries()) {
    // If hosted has that name as well, it is reported as a duplicate already.
    if ((name === "hosted" && hosted.name !== name) || (name === "proxy" && proxies.length > 1)) {
      problems.push(misleadingName(optionAt(["proxy", index, "name"], written), name));
    }
  }
  return problems;
}

function misleadingName(option: string, name: string): ConfigProblem {
  const meant = name === "hosted" ? "hosted" : "every proxy";
  return {
    option,
    expected: `another name, as "${name}" stands for ${meant} in rules`,
    given: JSON.stringify(name),
  };
}

function duplicateHosts({ hosted, proxies }: CompleteConfig, written: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const upstreams = new Map<string, string>(hosted.hosts.map((host) => [host, "hosted"]));
  for (const [index, { name, hosts }] of proxies.entries()) {
    for (const [position, host] of hosts.entries()) {
      const other = upstreams.get(host);
      upstreams.set(host, name);
      if (other !== undefined) {
        problems.push({
          option: optionAt(["proxy", index, "hosts", position], written),
          expected: `a host name that does not stand for ${other} already`,
          given: JSON.stringify(host),
        });
      }
    }
  }
  return problems;
}
