import { createHash, createHmac } from "node:crypto";
import type { Htpasswd, PasswordHash } from "./parse.ts";

/** What a name's password is checked against. */
export interface Entry {
  /** Undefined if the file has no users at all. */
  readonly hash: PasswordHash | undefined;
  /** False if the hash is somebody else's, and so no password right. */
  readonly known: boolean;
}

/**
 * The users of an htpasswd file. A name that it does not have gets the hash of somebody it has, always the
 * same one: kinds and costs differ from line to line, and so does the time of a check, by which existing
 * users could be told from others.
 */
export class Users {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  readonly #hashes: readonly PasswordHash[];
  /** Of the file, as another router with the same file must not give itself away by other decoys. */
  readonly #key: Buffer;

  constructor({ users }: Pick<Htpasswd, "users">) {
    this.#users = users;
    this.#hashes = [...users.values()];
    this.#key = createHash("sha256")
      .update(this.#hashes.map(({ text }) => text).join("\n"))
      .digest();
  }

  find(name: string): Entry {
    const hash = this.#users.get(name);
    return hash === undefined ? { hash: this.#decoyFor(name), known: false } : { hash, known: true };
  }

  #decoyFor(name: string): PasswordHash | undefined {
    const number = createHmac("sha256", this.#key).update(name).digest().readUInt32BE();
    return this.#hashes[number % this.#hashes.length];
  }
}
