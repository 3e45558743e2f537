import { defaults } from "../defaults.ts";
import { isTable, type Table } from "./table.ts";

/** The options that flags and environment can set, by which flag and which variables. */
export const overridable = {
  hosted: { flag: "--hosted", variables: ["HOSTED_URL", "HOSTED_HOSTNAME"] },
  proxy: { flag: "--proxy", variables: ["PROXY_URL", "PROXY_HOSTNAME"] },
  host: { flag: "--host", variables: ["HOST"] },
  port: { flag: "--port", variables: ["PORT"] },
  workers: { flag: "--workers", variables: ["WORKERS"] },
  logLevel: { flag: "--log-level", variables: ["LOG_LEVEL"] },
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

/** A value, and what its source is called in messages. */
export interface Given {
  readonly value: unknown;
  readonly from: string;
}

/** Of two sources the stronger one comes last: `new Map([...environment, ...flags])`. */
export type Overrides = ReadonlyMap<OverridableOption, Given>;

/** Where the parts of a configuration came from. */
export interface Origins {
  /** The file, if there is one. */
  readonly file: string | undefined;
  readonly overrides: Overrides;
}

/** The flag or variable that an option or a part of it came from, if it is not the file's. */
export function overrideOf(option: string, { overrides }: Origins): string | undefined {
  for (const [overridden, { from }] of overrides) {
    if (option === overridden || option.startsWith(`${overridden}.`) || option.startsWith(`${overridden}[`)) {
      return from;
    }
  }
  return undefined;
}

/** Puts overrides over what a file says. Each replaces its option as a whole, tables and lists too. */
export function applyOverrides(written: Table, overrides: Overrides): Table {
  const merged: Record<string, unknown> = { ...written };
  for (const [option, { value }] of overrides) {
    const [key = "", inner] = option.split(".");
    const table = merged[key] ?? {};
    if (inner === undefined) {
      merged[key] = value;
    } else if (isTable(table)) {
      // Anything but a table stays, for the schema to complain about.
      merged[key] = { ...table, [inner]: value };
    }
  }
  return merged;
}

/** The options of a file of which an override leaves nothing although they say more than a URL. */
export function replacedTables(written: Table, overrides: Overrides): { option: string; from: string }[] {
  return [...overrides].flatMap(([option, { from }]) =>
    typeof written[option] === "object" && written[option] !== null ? [{ option, from }] : [],
  );
}

/** A configuration in which `auth` is there exactly if clients shall be asked for passwords. */
export interface AuthDecision {
  readonly table: Table;
  readonly origins: Origins;
  readonly warnings: readonly string[];
}

/** ENABLE_AUTH is stronger than the file and weaker than --htpasswd. */
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

/** A proxy in one word. */
export type ProxyWord = string | { readonly name: string; readonly url: string };

/** Reads a URL or name=URL; undefined if the name is missing. */
export function parseProxy(word: string): ProxyWord | undefined {
  // A name cannot hold what every URL holds before any "=".
  const [, name, url = ""] = /^([^=:/]*)=(.*)$/s.exec(word) ?? [];
  if (name === "") {
    return undefined;
  }
  return name === undefined ? word : { name, url };
}
