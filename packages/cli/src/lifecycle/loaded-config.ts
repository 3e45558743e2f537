import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { fileProblem, messageOf, misuse } from "../failure.ts";
import { type Htpasswd, readHtpasswd } from "../htpasswd/file.ts";
import type { NamedFile, ServeConfig } from "../load-config.ts";
import type { TlsMaterial } from "../server.ts";
import type { BeforeRead } from "./watch.ts";

/** A configuration and the files that it names, all of them checked. */
export interface LoadedConfig {
  readonly config: ServeConfig;
  readonly tls: TlsMaterial | undefined;
  readonly htpasswd: Htpasswd | undefined;
}

/**
 * Reads the files of a configuration.
 * @throws Failure if one cannot be used
 */
export async function loadFiles(config: ServeConfig, beforeRead: BeforeRead): Promise<LoadedConfig> {
  const { tls, auth } = config;
  for (const file of [tls?.cert, tls?.key, auth?.htpasswd]) {
    if (file !== undefined) {
      await beforeRead(file.path);
    }
  }
  return { config, tls: await readTls(tls), htpasswd: auth && (await readHtpasswd(auth.htpasswd)) };
}

/** The options that differ, and `certificate` or `users` if those files have changed. */
export function differences(before: LoadedConfig, after: LoadedConfig): string[] {
  const [old, now] = [before.config.options, after.config.options];
  const options = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter(
    (option) => !same(old[option], now[option]),
  );
  const contents = [
    ...(same(before.tls, after.tls) ? [] : ["certificate"]),
    ...(sameUsers(before.htpasswd, after.htpasswd) ? [] : ["users"]),
  ];
  return [...options, ...contents];
}

/** The changed options that take effect only after a restart. */
export function fixedDifferences({ config: old }: LoadedConfig, { config: now }: LoadedConfig): string[] {
  return [
    ...(old.host === now.host ? [] : ["host"]),
    ...(old.port === now.port ? [] : ["port"]),
    ...(old.workers === now.workers ? [] : ["workers"]),
    ...(old.logFormat === now.logFormat ? [] : ["logFormat"]),
    ...((old.tls === undefined) === (now.tls === undefined) ? [] : ["tls"]),
  ];
}

function sameUsers(one: Htpasswd | undefined, other: Htpasswd | undefined): boolean {
  return same(one && [...one.users], other && [...other.users]);
}

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/**
 * Reads certificate and key, and makes sure that they belong together.
 * @throws Failure if they cannot be read or used
 */
export async function readTls(files: ServeConfig["tls"]): Promise<TlsMaterial | undefined> {
  if (files === undefined) {
    return undefined;
  }
  // One after the other, so that the message is always about the same file if both are missing.
  const cert = await readPem(files.cert, "certificate");
  const key = await readPem(files.key, "private key");
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw misuse(
      `TLS: expected a PEM certificate and the private key that belongs to it, given ${files.cert.path} and ` +
        `${files.key.path} (${messageOf(error)})`,
    );
  }
  return { cert, key };
}

async function readPem({ path, from }: NamedFile, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw misuse(
      `${from}: expected a readable ${what}, given ${JSON.stringify(path)} (${fileProblem(error)})`,
    );
  }
}
