/** Ends the program with a sentence for its user. */
export class Failure extends Error {
  override readonly name: string = "Failure";
  /** 1: a failure while running. 2: wrong usage or configuration. */
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, sentences: string | readonly string[], options?: ErrorOptions) {
    super(typeof sentences === "string" ? sentences : sentences.join("\n"), options);
    this.exitCode = exitCode;
  }
}

/** Bad usage or configuration: exit code 2. One sentence per line. */
export function misuse(...sentences: readonly string[]): Failure {
  return new Failure(2, sentences);
}

/** A failure while running: exit code 1. */
export function breakdown(sentence: string, cause?: unknown): Failure {
  return new Failure(1, sentence, { cause });
}

const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
};

/** Whether a file could not be read, as opposed to parsed. */
export function isFileError(error: unknown): boolean {
  return Object.hasOwn(fileProblems, errorCode(error) ?? "");
}

/** Why a file could not be read, for messages. */
export function fileProblem(error: unknown): string {
  const code = errorCode(error);
  return (code === undefined ? undefined : fileProblems[code]) ?? messageOf(error);
}

/** The `code` of a Node error. Not by `instanceof`: errors of another realm (a vm context) count too. */
export function errorCode(error: unknown): string | undefined {
  const code = property(error, "code");
  return typeof code === "string" ? code : undefined;
}

/** The message of an error. Any value can be thrown. */
export function messageOf(error: unknown): string {
  const message = property(error, "message");
  return typeof message === "string" ? message : String(error);
}

/** A property of a value that may not be an object. */
export function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
