import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { fileProblem, messageOf, misuse } from "./failure.ts";
import type { NamedFile, ServeConfig } from "./load-config.ts";
import type { TlsMaterial } from "./server.ts";

/**
 * Reads certificate and key, and makes sure that they belong together.
 * @throws Failure if they cannot be read or used
 */
export async function readTls(files: ServeConfig["tls"]): Promise<TlsMaterial | undefined> {
  if (files === undefined) {
    return undefined;
  }
  // One after the other: where both are missing, it is always the same one that is told.
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
