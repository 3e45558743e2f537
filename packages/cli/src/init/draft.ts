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

/** What is to be in a file, and where it came from. */
export interface Draft {
  readonly table: Table;
  readonly origins: Origins;
  /** Whether it has been said if clients are asked for passwords. */
  readonly authIsDecided: boolean;
  /** Under which name people know the address. */
  readonly publicName: string | undefined;
}

/** Where file names begin: those that are given, and those in the file. */
export interface Folders {
  readonly folder: string;
  readonly home: string;
}

/**
 * What flags and environment say, as it is written in a file.
 * @throws Failure if a variable has a value that cannot be meant
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

/** Those who are asked for passwords are shown under which name. */
export function withRealm(table: Table, publicName: string | undefined): Table {
  const { auth } = table;
  return isTable(auth) && publicName !== undefined
    ? { ...table, auth: { ...auth, realm: publicName } }
    : table;
}

/** Flags and variables have texts only; what is none of the expected is left to the schema to complain about. */
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

/** A file as seen from the folder of the configuration. */
export function fileName(given: string, { folder, home }: Folders): string {
  return isAbsolute(given) ? given : `./${relative(home, resolve(folder, given))}`.replace(`.${sep}..`, "..");
}
