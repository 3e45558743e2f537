import { isDigest, isRepositoryName, isTag } from "../protocol/names.ts";

/** What the name of an image says, as people give it to docker. */
export interface ImageName {
  /** The registry's host and port, if the name begins with one. In lower case. */
  readonly host: string | undefined;
  readonly repository: string;
  /** A tag, or the digest where there is one. */
  readonly reference: string;
}

/** The name of an image that cannot be one. `message` says what is wrong with it. */
export class ImageNameError extends Error {
  /** Tells it from other errors where `instanceof` cannot, in another copy of the package. */
  override readonly name = "ImageNameError";
}

const defaultTag = "latest";
const longestEcho = 100;

/**
 * Reads `nginx`, `team/app:1.2`, `registry.example.com/team/app@sha256:...`. Unlike docker it takes a name of one component for what
 * it is: that Docker Hub keeps `nginx` under `library/nginx` does not hold for other registries. With tag and digest, the
 * digest counts, as everywhere.
 * @throws ImageNameError
 */
export function parseImageName(text: string): ImageName {
  if (/^[a-z][a-z0-9+-]*:\/\//i.test(text)) {
    throw wrong(text, `is an address: leave out ${JSON.stringify(text.slice(0, text.indexOf("//") + 2))}`);
  }
  const [tagged = "", digest] = divide(text, text.indexOf("@"));
  const colon = tagged.lastIndexOf(":");
  const [name = "", tag] = divide(tagged, colon > tagged.lastIndexOf("/") ? colon : -1);
  const { host, repository } = divideHost(name);
  checkRepository(text, repository);
  if (tag !== undefined && !isTag(tag)) {
    throw wrong(
      text,
      `has a tag that is none, ${quote(tag)}: letters, digits, "_", "." and "-", at most 128`,
    );
  }
  if (digest !== undefined && !isDigest(digest)) {
    throw wrong(text, `has a digest that is none, ${quote(digest)}: sha256: and 64 hexadecimal digits`);
  }
  return { host: host?.toLowerCase(), repository, reference: digest ?? tag ?? defaultTag };
}

function divide(text: string, at: number): [string, string?] {
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Whether docker takes the first component of a name for a host; `registry` alone it looks for on Docker Hub. */
export function looksLikeHost(first: string): boolean {
  return /[.:]/.test(first) || first === "localhost";
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
    `has a repository that is none, ${quote(repository)}: lower-case letters and digits, with single ".", "_" or "-" between, in components joined by "/"`,
  );
}

function wrong(text: string, problem: string): ImageNameError {
  return new ImageNameError(`the image name ${quote(text)} ${problem}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length <= longestEcho ? text : `${text.slice(0, longestEcho)}...`);
}
