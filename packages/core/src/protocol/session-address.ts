import { createHmac, scryptSync, timingSafeEqual } from "node:crypto";
import { RegistryError } from "./errors.ts";

/** Path and query of an upload session at its registry. The path begins at the root of the host. */
export interface SessionAddress {
  readonly path: string;
  /** With `?`, or empty. */
  readonly search: string;
}

/** The registry whose sessions are written into addresses of the router. */
export interface SessionHome {
  /** The path of the registry's URL, before `/v2/`; or empty. */
  readonly prefix: string;
  /** What clients do not know about it: the router's password there. Every replica has the same. Undefined if there is nothing. */
  readonly secret: string | undefined;
  /** Distinguishes registries. */
  readonly origin: string;
}

/** The first character of a session that holds an address. A registry's own session that begins with it is written so as well. */
const marker = "~";

/** Characters of a session that holds an address. Node refuses a request whose head is longer than 16 KiB. */
export const longestSealed = 8192;

const sealedGrammar = /^~([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})$/;
// Encoded: slash, backslash, dot, percent, and control characters. A registry behind a load balancer may decode them twice.
const ambiguous = /%(?:2f|5c|2e|25|[01][0-9a-f]|7f)|[\\\s]/i;
// What a request line may hold, and what a URL has when it was parsed.
const visible = /^[\x21-\x7e]+$/;
const uploadWord = /^(?:blobs|_?uploads?)$/;
const otherOperations: ReadonlySet<string> = new Set(["blobs", "manifests", "tags", "referrers", "_catalog"]);

export function isSealed(session: string): boolean {
  return session.startsWith(marker);
}

/**
 * Writes the address of an upload session into one segment of a path, and reads it again. Nothing is stored, so every replica can read
 * what another one wrote. The signature holds for one repository: no client can reach another path at the registry.
 */
export class SessionAddresses {
  readonly #home: SessionHome;
  #key: Buffer | undefined;

  constructor(home: SessionHome) {
    this.#home = home;
  }

  /**
   * @param repository by the name that the registry has for it
   * @returns undefined if the address is not one of an upload in this repository, or is too long
   */
  seal(repository: string, { path, search }: SessionAddress): string | undefined {
    if (!this.isUpload(repository, path)) {
      return undefined;
    }
    const address = Buffer.from(path + search).toString("base64url");
    const sealed = `${marker}${address}.${this.#sign(repository, address)}`;
    return sealed.length > longestSealed ? undefined : sealed;
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN if the session was not written by `seal` for this repository */
  open(repository: string, session: string): SessionAddress {
    const [, address = "", signature = ""] = sealedGrammar.exec(session) ?? [];
    const expected = this.#sign(repository, address);
    if (
      signature.length !== expected.length ||
      !timingSafeEqual(Buffer.from(signature), Buffer.from(expected))
    ) {
      throw unknownSession();
    }
    const target = Buffer.from(address, "base64url").toString();
    const question = target.indexOf("?");
    const end = question === -1 ? target.length : question;
    const path = target.slice(0, end);
    // Without a secret a client can sign. No request could be sent to such an address, and that is no failure of the registry.
    if (!visible.test(target) || !this.isUpload(repository, path)) {
      throw unknownSession();
    }
    return { path, search: target.slice(end) };
  }

  /** Whether a path can be that of an upload session, and is no other operation of the API and none in another repository. */
  isUpload(repository: string, path: string): boolean {
    const { prefix, secret } = this.#home;
    const isBelow = prefix !== "" && path.startsWith(`${prefix}/`);
    const segments = segmentsOf(isBelow ? path.slice(prefix.length) : path);
    if (
      segments === undefined ||
      !segments.every(
        (word, index) => word !== "v2" || isIn(repository, segments, index, secret !== undefined),
      )
    ) {
      return false;
    }
    const outside = !segments.includes("v2");
    if (outside && segments.some((word) => word !== "blobs" && otherOperations.has(word))) {
      return false;
    }
    if (secret !== undefined) {
      return true;
    }
    // Anybody can sign then. So only uploads of the API itself are reached, and what is called an upload, below the configured path.
    const isHome = prefix === "" || isBelow;
    return isHome && (!outside || segments.some((word) => /(?:^|[-_])uploads?$/.test(word)));
  }

  #sign(repository: string, address: string): string {
    const { secret, origin } = this.#home;
    // Slow on purpose, and once: a client that has a signature must not be able to try passwords quickly.
    this.#key ??= scryptSync(secret ?? origin, "combined-registry upload session", 32);
    const mac = createHmac("sha256", this.#key).update(`${repository}\0${address}`).digest();
    return mac.subarray(0, 16).toString("base64url");
  }
}

/** The query that a session has, and what a client adds. A parameter that the registry gave stays as it is. */
export function joinQuery(given: string, added: string): string {
  if (given === "" || added === "" || added === "?") {
    return given === "" ? added : given;
  }
  const names = new Set(new URLSearchParams(given).keys());
  const further = added
    .slice(1)
    // Go before 1.17 (distribution 2.7, for example) reads `;` as `&`.
    .split(/[&;]/)
    .filter((pair) => ![...new URLSearchParams(pair).keys()].some((name) => names.has(name)));
  return [given, ...further].join(given === "?" ? "" : "&");
}

function unknownSession(): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", {
    message: "the upload session is not one that this router gave for the repository",
  });
}

/**
 * Decoded, in lower case, and without what servlet containers take off a segment (`;jsessionid=...`).
 * @returns undefined for a path that servers read differently
 */
function segmentsOf(path: string): string[] | undefined {
  if (!path.startsWith("/") || ambiguous.test(path)) {
    return undefined;
  }
  const segments = path.slice(1).split("/");
  const inner = segments.at(-1) === "" ? segments.slice(0, -1) : segments;
  try {
    const words = inner.map((segment) => decodeURIComponent(segment).replace(/;.*$/, "").toLowerCase());
    return words.length > 0 && words.every((word) => !["", ".", ".."].includes(word)) ? words : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether what follows `v2` is an upload in the repository. A registry with a path of its own for each of its repositories
 * (Artifactory) may leave the first components of the name out there.
 * @param isSigned whether only the router can have made the address; else the components that are left out stand before `v2`
 */
function isIn(repository: string, segments: readonly string[], index: number, isSigned: boolean): boolean {
  const rest = segments.slice(index + 1);
  const components = repository.split("/");
  const shortest = index === 0 ? components.length : 1;
  for (let length = components.length; length >= shortest; length--) {
    const name = components.slice(components.length - length);
    const [word, ...session] = rest.slice(length);
    const before = components.slice(0, components.length - length);
    const isNear = before.every(
      (component, position) => segments[index - before.length + position] === component,
    );
    const isNamed = name.every((component, position) => rest[position] === component);
    if (isNamed && (isSigned || isNear) && isUploadPath(word, session)) {
      return true;
    }
  }
  return false;
}

function isUploadPath(word: string | undefined, session: readonly string[]): boolean {
  if (word === undefined || !uploadWord.test(word) || session.some((one) => otherOperations.has(one))) {
    return false;
  }
  // `blobs/<digest>` is no session.
  return session.length >= (word === "blobs" ? 2 : 1);
}
