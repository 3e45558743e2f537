import { access, link, rename, rm, writeFile } from "node:fs/promises";
import { breakdown, errorCode, fileProblem, misuse } from "../failure.ts";

/** How a file is written. */
export interface Writing {
  /** Write over one that is there. */
  readonly over?: boolean;
  /** Who may read it. @default 0o644 */
  readonly mode?: number;
}

/** Whether there is something of that name. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/**
 * Writes a whole file or none.
 * @throws Failure if it is there already, or cannot be written
 */
export async function writeNew(
  file: string,
  content: string,
  { over = false, mode = 0o644 }: Writing = {},
): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  // Outside of what removes the draft: one that is there already is somebody else's.
  await writeFile(draft, content, { flag: "wx", mode }).catch((error: unknown) => {
    throw breakdown(`${file} cannot be written (${fileProblem(error)})`, error);
  });
  try {
    // A link, other than a new name, never takes the place of what came in between.
    await (over ? rename(draft, file) : link(draft, file));
  } catch (error) {
    throw errorCode(error) === "EEXIST"
      ? misuse(`${file} is there already, and is left as it is`)
      : breakdown(`${file} cannot be written (${fileProblem(error)})`, error);
  } finally {
    await rm(draft, { force: true });
  }
}
