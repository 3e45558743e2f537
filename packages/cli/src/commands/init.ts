import { rm } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { InitCommand } from "../assistance.ts";
import { check } from "../config/check.ts";
import { escapeVariables } from "../config/substitute.ts";
import { isTable, type Table } from "../config/table.ts";
import { misuse } from "../failure.ts";
import { type Draft, draftFrom, fileName, withRealm } from "../init/draft.ts";
import { createUsersFile, type FirstUser, nameProblem, passwordFromInput } from "../init/first-user.ts";
import { renderConfig } from "../init/render.ts";
import { exists, writeNew } from "../init/write-new.ts";

/** The parts of the process that `init` uses. */
export interface InitIo {
  readonly environment: NodeJS.ProcessEnv;
  readonly folder: string;
  print(text: string): void;
  /** Whether there is a terminal for questions. */
  readonly asks: boolean;
  /** For `--password-stdin`. */
  readonly input: () => NodeJS.ReadableStream;
}

const usualName = "combined-registry.yaml";

/**
 * Writes a checked configuration file, and an htpasswd file if there is a first user.
 * @throws Failure if a file exists or cannot be written, or if `serve` would refuse the configuration
 */
export async function init(command: InitCommand, io: InitIo): Promise<0> {
  const { folder, environment, print } = io;
  const target = await targetOf(command, folder);
  const home = dirname(target);
  const draft = draftFrom(command.flags, environment, { folder, home });
  const { user, ...completed } = await complete(draft, command, io, home);
  // Not the default: podman and skopeo go on with private images while a proxy is down.
  const { hosted, proxy, ...others } = completed.table;
  const table = withRealm({ hosted, proxy, base: "hosted", ...others }, draft.publicName);
  await check({ table, origins: draft.origins }, home, async () => undefined);

  const users = usersFileIn(table, home);
  if (users === target) {
    throw misuse("option auth.htpasswdFile: expected another file than the configuration");
  }
  // `serve` does not substitute variables in flags and environment, so the file must not do so in these values either.
  const content = renderConfig(escapeVariables(table), home);
  if (user !== undefined && users !== undefined) {
    await createUsersFile(users, user);
    await writeNew(target, content, { over: command.force }).catch(async (error: unknown) => {
      // Otherwise the next attempt would fail because the file exists.
      await rm(users, { force: true });
      throw error;
    });
    print(`wrote ${relative(folder, users)}, with the user ${user.name}\n`);
  } else {
    await writeNew(target, content, { over: command.force });
  }
  print(`wrote ${relative(folder, target)}\n\nNext:\n`);
  if (users !== undefined && !(await exists(users))) {
    print(`  htpasswd -B -c ${users} <user>    there are no users yet\n`);
  }
  const named = command.configFile === undefined ? "" : ` --config ${command.configFile}`;
  print(
    `  combined-registry check${named}    checks the configuration and the registries\n  combined-registry${named}\n`,
  );
  return 0;
}

/** The file to write. */
async function targetOf({ configFile = usualName, force }: InitCommand, folder: string): Promise<string> {
  if (!/\.ya?ml$/.test(configFile)) {
    const given = JSON.stringify(configFile);
    throw misuse(`option --config: expected a file ending in .yaml or .yml to write, given ${given}`);
  }
  const target = resolve(folder, configFile);
  if (!force && (await exists(target))) {
    throw misuse(`${configFile} exists and is not changed (--force overwrites it)`);
  }
  return target;
}

interface Complete {
  readonly table: Table;
  readonly user: FirstUser | undefined;
}

async function complete(
  draft: Draft,
  { yes, user: name, passwordFromInput: isPiped }: InitCommand,
  { asks, folder, input }: InitIo,
  home: string,
): Promise<Complete> {
  const { table } = draft;
  if (name === undefined) {
    if (isPiped) {
      throw misuse("option --password-stdin: expected --user as well");
    }
    return asks && !yes ? (await import("../init/ask.ts")).ask(draft, home) : { table, user: undefined };
  }
  const problem = nameProblem(name);
  if (problem !== undefined) {
    throw misuse(`option --user: ${problem}`);
  }
  const auth = isTable(table.auth) ? table.auth : { htpasswdFile: fileName("htpasswd", { folder, home }) };
  const withUsers = { ...table, auth };
  const file = usersFileIn(withUsers, home);
  if (file !== undefined && (await exists(file))) {
    throw misuse(`option --user: expected no htpasswd file yet, but ${file} exists and is not changed`);
  }
  if (isPiped) {
    return { table: withUsers, user: { name, password: await passwordFromInput(input()) } };
  }
  if (!asks || yes) {
    throw misuse(
      "option --user: expected --password-stdin as well, since there is no terminal for questions",
    );
  }
  const { ask, askPassword } = await import("../init/ask.ts");
  const answers = await ask({ ...draft, table: withUsers, authIsDecided: true }, home);
  return { table: answers.table, user: { name, password: await askPassword(name) } };
}

function usersFileIn({ auth }: Table, home: string): string | undefined {
  return isTable(auth) && typeof auth.htpasswdFile === "string"
    ? resolve(home, auth.htpasswdFile)
    : undefined;
}
