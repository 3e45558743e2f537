export type { Access, AccessRequest, AuthorizeHook, AuthorizeResult } from "./authorize/hook.ts";
export { assertConfig } from "./config/complete-config.ts";
export { configJsonSchema, type JsonSchema } from "./config/json-schema.ts";
export type {
  AccessConfig,
  CombinedRegistryConfig,
  LimitsConfig,
  Logger,
  ManifestChange,
  MemoryConfig,
  MetricsConfig,
  PeersConfig,
  RuleConfig,
} from "./config/options.ts";
export { ConfigError, type ConfigProblem } from "./config/problems.ts";
export type {
  BreakerConfig,
  CredentialsConfig,
  HostedConfig,
  LookupsConfig,
  ProxyConfig,
  TimeoutsConfig,
  UpstreamConfig,
  UpstreamTlsConfig,
} from "./config/upstream-options.ts";
export {
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
  type ExplainOptions,
} from "./handler.ts";
export type { CheckReport, Finding, Severity, UpstreamReport } from "./inspect/check-report.ts";
export {
  type DescribeOptions,
  describeExplanation,
  type ExplanationText,
} from "./inspect/describe-explanation.ts";
export type {
  ExplainedAccess,
  ExplainedHost,
  ExplainedPull,
  ExplainedPush,
  ExplainedRule,
  Explanation,
  ShadowedImage,
  Shadowing,
  SkippedUpstream,
  UpstreamAnswer,
} from "./inspect/explanation.ts";
export { ImageNameError } from "./inspect/image-name.ts";
export type { DecisionRecord } from "./observe/decision-record.ts";
export type { Health, UpstreamHealth } from "./observe/health.ts";
export type { MetricsRegistry, MetricsSnapshot } from "./observe/metrics.ts";
export { aggregateMetrics, sumMetrics } from "./observe/metrics.ts";
export { answerPlainHttp } from "./plain-http.ts";
export { serverOptions } from "./server-options.ts";
export type { UpstreamRequestTrace } from "./upstream/transport/trace.ts";
export { version } from "./version.ts";
