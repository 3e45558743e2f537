import type {
  CombinedRegistryConfig,
  HostedConfig,
  ProxyConfig,
  RuleConfig,
  UpstreamConfig,
} from "@combined-registry/core";
import { nearest } from "./nearest.ts";
import type { CredentialsFile, OwnConfig, UpstreamTlsFiles } from "./written-own.ts";

type Keys<T> = Readonly<Record<keyof T, true>>;

const upstreamTls: Keys<UpstreamTlsFiles> = {
  ca: true,
  caFile: true,
  cert: true,
  certFile: true,
  key: true,
  keyFile: true,
  serverName: true,
  verify: true,
};
const credentials: Keys<CredentialsFile> = { username: true, password: true, passwordFile: true };
const timeouts: Keys<NonNullable<UpstreamConfig["timeouts"]>> = {
  connect: true,
  headers: true,
  idle: true,
  write: true,
  ping: true,
};
const upstream: Keys<HostedConfig & ProxyConfig> = {
  name: true,
  url: true,
  tls: true,
  timeouts: true,
  redirects: true,
  breaker: true,
  lookups: true,
  hosts: true,
  auth: true,
  namespace: true,
  libraryPrefix: true,
  match: true,
};
const rule: Keys<RuleConfig> = {
  match: true,
  pull: true,
  push: true,
  onFailure: true,
  owned: true,
  shadow: true,
  access: true,
};
const access: Keys<NonNullable<RuleConfig["access"]>> = { pull: true, push: true };
const breaker: Keys<Exclude<NonNullable<UpstreamConfig["breaker"]>, false>> = {
  failures: true,
  delay: true,
  longestDelay: true,
};
const lookups: Keys<NonNullable<UpstreamConfig["lookups"]>> = { concurrent: true, queued: true };
const top: Keys<Omit<CombinedRegistryConfig, "logger" | "onDecision" | "peers"> & OwnConfig> = {
  $schema: true,
  hosted: true,
  proxy: true,
  host: true,
  port: true,
  workers: true,
  tls: true,
  auth: true,
  logLevel: true,
  maxConnections: true,
  headersTimeout: true,
  drain: true,
  reload: true,
  base: true,
  rules: true,
  lists: true,
  copy: true,
  trustProxy: true,
  via: true,
  decisionHeader: true,
  memory: true,
  limits: true,
  metrics: true,
  operations: true,
  statusPage: true,
  authorize: true,
};
const memory: Keys<NonNullable<CombinedRegistryConfig["memory"]>> = {
  entries: true,
  ttl: true,
  absentTtl: true,
  manifestBytes: true,
};
const limits: Keys<NonNullable<CombinedRegistryConfig["limits"]>> = { clientIdle: true };
const metrics: Keys<Omit<NonNullable<CombinedRegistryConfig["metrics"]>, "page">> = { process: true };
const tls: Keys<NonNullable<OwnConfig["tls"]>> = { certFile: true, keyFile: true };
const auth: Keys<NonNullable<OwnConfig["auth"]>> = {
  htpasswdFile: true,
  realm: true,
  throttle: true,
};
const drain: Keys<NonNullable<OwnConfig["drain"]>> = { timeout: true, delay: true };

/** What may be written where. The types above make a new option of the router an error here until it is listed. */
const knownOptions = new Map<string, Readonly<Record<string, true>>>([
  ["", top],
  ["hosted", upstream],
  ["proxy", upstream],
  ["hosted.tls", upstreamTls],
  ["proxy.tls", upstreamTls],
  ["hosted.auth", credentials],
  ["proxy.auth", credentials],
  ["hosted.breaker", breaker],
  ["proxy.breaker", breaker],
  ["hosted.lookups", lookups],
  ["proxy.lookups", lookups],
  ["hosted.timeouts", timeouts],
  ["proxy.timeouts", timeouts],
  ["rules", rule],
  ["rules.access", access],
  ["memory", memory],
  ["limits", limits],
  ["metrics", metrics],
  ["tls", tls],
  ["auth", auth],
  ["drain", drain],
]);

/** Says of an option that nobody knows what may have been meant; undefined for one that exists. */
export function unknownOption(option: string): string | undefined {
  const steps = option.replace(/\[\d+\]/g, "").split(".");
  const key = steps.pop() ?? "";
  const known = knownOptions.get(steps.join("."));
  if (known === undefined || option === "" || option.endsWith("]") || Object.hasOwn(known, key)) {
    return undefined;
  }
  const meant = nearest(key, Object.keys(known));
  return `no option ${JSON.stringify(option)}${meant === undefined ? "" : `, did you mean ${JSON.stringify(meant)}?`}`;
}
