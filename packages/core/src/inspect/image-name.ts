import { isDigest, isRepositoryName, isTag } from "../protocol/names.ts";

export interface ImageName {
  /** The registry's host and port in lower case; undefined if the name has none. */
  readonly host: string | undefined;
  readonly repository: string;
  /** The digest, or the tag if there is no digest. */
  readonly reference: string;
}

/** Thrown for text that is not the name of an image. `message` says what is wrong with it. */
export class ImageNameError extends Error {
  /** Identifies the error where `instanceof` fails, between two copies of the package. */
  override readonly name = "ImageNameError";
}

const defaultTag = "latest";
const longestEcho = 100;

/**
 * Parses `nginx`, `team/app:1.2`, `registry.example.com/team/app@sha256:...`. Unlike docker, this does not prefix a name of one
 * component: only Docker Hub keeps `nginx` under `library/nginx`. With both tag and digest, the digest counts.
 * @throws ImageNameError
 */
export function parseImageName(text: string): ImageName {
  if (/^[a-z][a-z0-9+-]*:\/\//i.test(text)) {
    throw wrong(text, `is a URL: leave out ${JSON.stringify(text.slice(0, text.indexOf("//") + 2))}`);
  }
  const [tagged = "", digest] = divide(text, text.indexOf("@"));
  const colon = tagged.lastIndexOf(":");
  const [name = "", tag] = divide(tagged, colon > tagged.lastIndexOf("/") ? colon : -1);
  const { host, repository } = divideHost(name);
  checkRepository(text, repository);
  if (tag !== undefined && !isTag(tag)) {
    throw wrong(text, `has an invalid tag, ${quote(tag)}: letters, digits, "_", "." and "-", at most 128`);
  }
  if (digest !== undefined && !isDigest(digest)) {
    throw wrong(text, `has an invalid digest, ${quote(digest)}: sha256: and 64 hexadecimal digits`);
  }
  return { host: host?.toLowerCase(), repository, reference: digest ?? tag ?? defaultTag };
}

function divide(text: string, at: number): [string, string?] {
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Whether docker takes the first component of a name for a host. `registry` without a dot or port is a name on Docker Hub. */
export function looksLikeHost(component: string): boolean {
  return /[.:]/.test(component) || component === "localhost";
}

function divideHost(name: string): { host: string | undefined; repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  return looksLikeHost(first)
    ? { host: first, repository: name.slice(slash + 1) }
    : { host: undefined, repository: name };
}

function checkRepository(text: string, repository: string): void {
  if (repository === "") {
    throw wrong(text, "has no repository in it: expected team/app:1.2, for example");
  }
  if (isRepositoryName(repository.split("/"))) {
    return;
  }
  if (isRepositoryName(repository.toLowerCase().split("/"))) {
    throw wrong(text, `has upper case in its repository, ${quote(repository)}: only lower case is allowed`);
  }
  throw wrong(
    text,
    `has an invalid repository, ${quote(repository)}: lower-case letters and digits, with single ".", "_" or "-" between, in components joined by "/"`,
  );
}

function wrong(text: string, problem: string): ImageNameError {
  return new ImageNameError(`the image name ${quote(text)} ${problem}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length <= longestEcho ? text : `${text.slice(0, longestEcho)}...`);
}
