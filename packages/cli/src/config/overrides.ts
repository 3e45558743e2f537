import { defaults } from "../defaults.ts";
import { isTable, type Table } from "./table.ts";

/** The options that flags and environment can set, by which flag and which variables. */
export const overridable = {
  hosted: { flag: "--hosted", variables: ["HOSTED_URL", "HOSTED_HOSTNAME"] },
  proxy: { flag: "--proxy", variables: ["PROXY_URL", "PROXY_HOSTNAME"] },
  host: { flag: "--host", variables: ["HOST"] },
  port: { flag: "--port", variables: ["PORT"] },
  workers: { flag: "--workers", variables: ["WORKERS"] },
  base: { flag: "--base", variables: ["BASE"] },
  logLevel: { flag: "--log-level", variables: ["LOG_LEVEL"] },
  logFormat: { flag: "--log-format", variables: ["LOG_FORMAT"] },
  "tls.certFile": { flag: "--tls-cert", variables: [] },
  "tls.keyFile": { flag: "--tls-key", variables: [] },
  "auth.htpasswdFile": { flag: "--htpasswd", variables: ["HTPASSWD_FILE"] },
  statusPage: { flag: "--status-page", variables: ["STATUS_PAGE"] },
  "drain.timeout": { flag: "--drain-timeout", variables: ["DRAIN_TIMEOUT"] },
} as const;

export type OverridableOption = keyof typeof overridable;

export function isOverridable(option: string): option is OverridableOption {
  return Object.hasOwn(overridable, option);
}

export const overridableOptions: readonly OverridableOption[] =
  Object.keys(overridable).filter(isOverridable);

/** A value, and the name of its source in messages. */
export interface Given {
  readonly value: unknown;
  readonly from: string;
}

/** Precedence: of two sources, the stronger one comes last, as in `new Map([...environment, ...flags])`. */
export type Overrides = ReadonlyMap<OverridableOption, Given>;

/** The sources of a configuration, for messages. */
export interface Origins {
  /** The file, if there is one. */
  readonly file: string | undefined;
  readonly overrides: Overrides;
}

/** The flag or variable that set an option, or undefined if the file set it. */
export function overrideOf(option: string, { overrides }: Origins): string | undefined {
  for (const [overridden, { from }] of overrides) {
    if (option === overridden || option.startsWith(`${overridden}.`) || option.startsWith(`${overridden}[`)) {
      return from;
    }
  }
  return undefined;
}

/** Applies overrides to the options of a file. An override replaces its whole option, also a table or a list. */
export function applyOverrides(written: Table, overrides: Overrides): Table {
  const merged: Record<string, unknown> = { ...written };
  for (const [option, { value }] of overrides) {
    const [key = "", inner] = option.split(".");
    const table = merged[key] ?? {};
    if (inner === undefined) {
      merged[key] = value;
    } else if (isTable(table)) {
      // The schema will refuse a value that is not a table.
      merged[key] = { ...table, [inner]: value };
    }
  }
  return merged;
}

/** Tables and lists of a file that an override replaces as a whole. */
export function replacedTables(written: Table, overrides: Overrides): { option: string; from: string }[] {
  return [...overrides].flatMap(([option, { from }]) =>
    typeof written[option] === "object" && written[option] !== null ? [{ option, from }] : [],
  );
}

/** A configuration that has `auth` exactly if clients are asked for passwords. */
export interface AuthDecision {
  readonly table: Table;
  readonly origins: Origins;
  readonly warnings: readonly string[];
}

/** Applies ENABLE_AUTH. Precedence: --htpasswd, ENABLE_AUTH, the file. */
export function decideAuth(
  table: Table,
  origins: Origins,
  enableAuth: boolean | undefined,
  flags: Overrides,
): AuthDecision {
  const auth = table.auth ?? {};
  if (enableAuth === true && isTable(auth) && auth.htpasswdFile === undefined) {
    const given: Given = { value: defaults.htpasswdFile, from: "environment variable ENABLE_AUTH" };
    const overrides: Overrides = new Map([...origins.overrides, ["auth.htpasswdFile", given]]);
    return { table: applyOverrides(table, overrides), origins: { ...origins, overrides }, warnings: [] };
  }
  if (enableAuth === false && table.auth !== undefined && !flags.has("auth.htpasswdFile")) {
    const { auth: _, ...rest } = table;
    return {
      table: rest,
      origins,
      warnings: ["ENABLE_AUTH=false switches off the authentication that is configured"],
    };
  }
  return { table, origins, warnings: [] };
}

/** A value of `--proxy`. */
export type ProxyWord = string | { readonly name: string; readonly url: string };

/** Parses a URL or name=URL. Undefined if the name is empty. */
export function parseProxy(word: string): ProxyWord | undefined {
  // Every URL has ":" or "/" before any "=", and a name has neither.
  const [, name, url = ""] = /^([^=:/]*)=(.*)$/s.exec(word) ?? [];
  if (name === "") {
    return undefined;
  }
  return name === undefined ? word : { name, url };
}
