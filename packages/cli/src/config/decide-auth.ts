import { defaults } from "../defaults.ts";
import type { Origins } from "./origin.ts";
import { applyOverrides, type Given, type Overrides } from "./overrides.ts";
import { isTable, type Table } from "./table.ts";

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
