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
