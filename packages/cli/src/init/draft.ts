import { isAbsolute, relative, resolve, sep } from "node:path";
import {
  applyOverrides,
  decideAuth,
  type Given,
  type Origins,
  type OverridableOption,
  type Overrides,
} from "../config/overrides.ts";
import { isTable, type Table } from "../config/table.ts";
import { readEnvironment } from "../environment.ts";

/** The settings to write, and their sources. */
export interface Draft {
  readonly table: Table;
  readonly origins: Origins;
  /** Whether flags or environment decide about authentication. */
  readonly authIsDecided: boolean;
  /** The public host name of the address. */
  readonly publicName: string | undefined;
}

/** Folders of relative file names: `folder` for those of flags and environment, `home` for those in the written file. */
export interface Folders {
  readonly folder: string;
  readonly home: string;
}

/**
 * The settings of flags and environment, as a file has them.
 * @throws Failure if the value of a variable is invalid
 */
export function draftFrom(flags: Overrides, environment: NodeJS.ProcessEnv, folders: Folders): Draft {
  const settings = readEnvironment(environment);
  const overrides: Overrides = new Map(
    [...settings.overrides, ...flags].map(([option, given]) => [option, asWritten(option, given, folders)]),
  );
  const origins: Origins = { file: undefined, overrides };
  const decided = decideAuth(applyOverrides({}, overrides), origins, settings.enableAuth, flags);
  return {
    table: decided.table,
    origins: decided.origins,
    authIsDecided: settings.enableAuth !== undefined || decided.table.auth !== undefined,
    publicName: settings.publicName,
  };
}

/** Adds the public name as realm, if there is authentication. */
export function withRealm(table: Table, publicName: string | undefined): Table {
  const { auth } = table;
  return isTable(auth) && publicName !== undefined
    ? { ...table, auth: { ...auth, realm: publicName } }
    : table;
}

/** Converts numbers, since flags and variables are texts. The schema will refuse invalid ones. */
function asWritten(option: OverridableOption, { value, from }: Given, folders: Folders): Given {
  if (typeof value !== "string") {
    return { value, from };
  }
  if (option.endsWith("File")) {
    return { value: fileName(value, folders), from };
  }
  const isNumber = ["port", "workers", "drain.timeout"].includes(option) && /^\d{1,6}$/.test(value);
  return { value: isNumber ? Number(value) * (option === "drain.timeout" ? 1_000 : 1) : value, from };
}

/** A file name relative to the folder of the configuration. */
export function fileName(given: string, { folder, home }: Folders): string {
  return isAbsolute(given) ? given : `./${relative(home, resolve(folder, given))}`.replace(`.${sep}..`, "..");
}
