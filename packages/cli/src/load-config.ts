import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import type { CombinedRegistryConfig } from "@combined-registry/core";
import { check, refusal } from "./config/check.ts";
import { type ConfigFile, readConfigFile } from "./config/config-file.ts";
import {
  applyOverrides,
  decideAuth,
  type Origins,
  type Overrides,
  overrideOf,
  replacedTables,
} from "./config/overrides.ts";
import {
  type CompleteOwnConfig,
  divide,
  type LogFormat,
  type LogLevel,
  parseOwn,
} from "./config/own-schema.ts";
import { substitute } from "./config/substitute.ts";
import { isTable } from "./config/table.ts";
import { defaults } from "./defaults.ts";
import { readEnvironment } from "./environment.ts";
import type { BeforeRead } from "./lifecycle/watch.ts";

/** A file to read later, and its source for messages. */
export interface NamedFile {
  readonly path: string;
  /** "option --htpasswd", say. */
  readonly from: string;
}

/** The complete configuration of `serve`. */
export interface ServeConfig {
  readonly router: CombinedRegistryConfig;
  readonly host: string;
  readonly port: number;
  /** How many processes share the port. With 1, this process serves. */
  readonly workers: number;
  readonly tls: { readonly cert: NamedFile; readonly key: NamedFile } | undefined;
  readonly auth:
    | { readonly htpasswd: NamedFile; readonly realm: string; readonly throttle: boolean }
    | undefined;
  readonly maxConnections: number;
  /** Milliseconds for the headers of a request. */
  readonly headersTimeout: number;
  /** After a signal to stop, in milliseconds: how long connections are still accepted, and how long requests may take after that. */
  readonly drain: { readonly delay: number; readonly timeout: number };
  /** What causes a reload: a changed file or SIGHUP, or only SIGHUP. */
  readonly reload: "watch" | "signal";
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly publicName: string | undefined;
  /** The configuration file that was read. */
  readonly file: ConfigFile | undefined;
  /** All options, checked. Only for comparisons: it has secrets. */
  readonly options: Readonly<Record<string, unknown>>;
  /** For the log: settings that are accepted but possibly not intended. */
  readonly warnings: readonly string[];
}

export interface Sources {
  readonly flags: Overrides;
  /** The file that `--config` names. */
  readonly configFile: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  /** The folder of relative file names, and of the search for a configuration file. */
  readonly folder: string;
  readonly beforeRead: BeforeRead;
}

/**
 * Merges flags, environment, file and defaults, in this precedence.
 * @param inUse on a reload, the file in use: this file is read again, and must exist
 * @throws Failure with one sentence per problem
 */
export async function loadConfig(sources: Sources, inUse?: ConfigFile): Promise<ServeConfig> {
  const { environment, file, folder, fromFile, overrides, written } = await gather(sources, inUse);
  const { own, router } = await check(written, folder, sources.beforeRead);
  const named = (option: string, path: string): NamedFile => {
    const from = overrideOf(option, written.origins);
    return from === undefined
      ? { path: resolve(folder, path), from: `${file?.path}: ${option}` }
      : { path: resolve(sources.folder, path), from };
  };
  return {
    router,
    host: own.host,
    port: own.port,
    workers: own.workers === "auto" ? availableParallelism() : own.workers,
    tls: own.tls && {
      cert: named("tls.certFile", own.tls.certFile),
      key: named("tls.keyFile", own.tls.keyFile),
    },
    auth: own.auth && {
      htpasswd: named("auth.htpasswdFile", own.auth.htpasswdFile),
      realm: own.auth.realm ?? environment.publicName ?? defaults.realm,
      throttle: own.auth.throttle,
    },
    maxConnections: own.maxConnections,
    headersTimeout: own.headersTimeout,
    drain: own.drain,
    reload: own.reload,
    logLevel: own.logLevel,
    logFormat: own.logFormat,
    publicName: environment.publicName,
    file,
    options: { ...own, ...router },
    warnings: [
      ...replacedTables(fromFile, overrides).map(
        ({ option, from }) => `${from} replaces all of "${option}" in ${file?.path}`,
      ),
      ...written.warnings,
    ],
  };
}

/**
 * Where the router with these settings listens. Checks no other options: a health check in a container does not know the flags that the
 * router was started with, nor whether the router has refused an edit of its file.
 * @throws Failure if the options of the program itself are wrong
 */
export async function loadListener(
  sources: Sources,
): Promise<Pick<CompleteOwnConfig, "host" | "port" | "tls">> {
  const { written } = await gather(sources);
  const { own, problems } = parseOwn(divide(written.table).own);
  if (own === undefined) {
    throw refusal(problems, written.origins);
  }
  return own;
}

/** The merged settings, not checked yet. */
async function gather(sources: Sources, inUse?: ConfigFile) {
  const environment = readEnvironment(sources.environment);
  const file = await readConfigFile(sources, inUse);
  const folder = file === undefined ? sources.folder : dirname(file.path);
  const overrides = new Map([...environment.overrides, ...sources.flags]);
  const origins: Origins = { file: file?.path, overrides };

  const substituted = substitute(file?.written ?? {}, sources.environment);
  if (substituted.problems.length > 0) {
    throw refusal(substituted.problems, origins);
  }
  const fromFile = isTable(substituted.value) ? substituted.value : {};
  const merged = applyOverrides(fromFile, overrides);
  const written = decideAuth(merged, origins, environment.enableAuth, sources.flags);
  return { environment, file, folder, fromFile, overrides, written };
}
