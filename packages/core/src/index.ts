export type { Access, AccessRequest, AuthorizeHook, Verdict } from "./authorize/hook.ts";
export { assertConfig } from "./config/complete-config.ts";
export { ConfigError, type ConfigProblem } from "./config/config-error.ts";
export { configJsonSchema, type JsonSchema } from "./config/json-schema.ts";
export type { CombinedRegistryConfig, LimitsConfig, MemoryConfig } from "./config/written.ts";
export type { MetricsConfig } from "./config/written-metrics.ts";
export type { ManifestChange, PeersConfig } from "./config/written-peers.ts";
export type { AccessConfig, RuleConfig } from "./config/written-rules.ts";
export type {
  BreakerConfig,
  CredentialsConfig,
  HostedConfig,
  LookupsConfig,
  ProxyConfig,
  TimeoutsConfig,
  UpstreamConfig,
  UpstreamTlsConfig,
} from "./config/written-upstreams.ts";
export {
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
  type ExplainOptions,
} from "./handler.ts";
export type { CheckReport, Finding, Severity, UpstreamReport } from "./inspect/check-report.ts";
export type {
  ExplainedAccess,
  ExplainedHost,
  ExplainedPull,
  ExplainedPush,
  ExplainedRule,
  Explanation,
  LeftOut,
  ShadowedImage,
  Shadowing,
  UpstreamAnswer,
} from "./inspect/explanation.ts";
export type { DecisionRecord } from "./observe/decision-record.ts";
export type { Health, UpstreamHealth } from "./observe/health.ts";
export { joinMetrics, totalsOf } from "./observe/join-metrics.ts";
export type { Logger } from "./observe/logger.ts";
export type { MetricsRegistry, MetricsSnapshot } from "./observe/metrics.ts";
export { ImageNameError } from "./protocol/image-name.ts";
export { serverOptions } from "./server-options.ts";
export type { UpstreamRequestTrace } from "./upstream/trace.ts";
export { version } from "./version.ts";
