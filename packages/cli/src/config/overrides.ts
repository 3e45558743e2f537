import { isTable, type Table } from "./table.ts";

/** The options that flags and environment can set. */
export type OverridableOption =
  | "hosted"
  | "proxy"
  | "host"
  | "port"
  | "workers"
  | "logLevel"
  | "tls.certFile"
  | "tls.keyFile"
  | "auth.htpasswdFile"
  | "drain.timeout"
  | "statusPage";

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
