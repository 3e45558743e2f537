import { constants } from "node:fs";
import { access, copyFile, link as hardLink, rename, rm, writeFile } from "node:fs/promises";
import { breakdown, errorCode, fileProblem, misuse } from "../failure.ts";

/** How a file is written. */
export interface Writing {
  /** Write over one that is there. */
  readonly over?: boolean;
  /** Who may read it. @default 0o644 */
  readonly mode?: number;
  /** For tests. @default that of Node */
  readonly link?: typeof hardLink;
}

// What file systems that have no links (FAT, exFAT, shares of other machines) say to one.
const withoutLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

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
  { over = false, mode = 0o644, link = hardLink }: Writing = {},
): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  // Outside of what removes the draft: one that is there already is somebody else's.
  await writeFile(draft, content, { flag: "wx", mode }).catch((error: unknown) => {
    const problem =
      errorCode(error) === "EEXIST"
        ? `${draft} is in the way; nobody may need it any more`
        : fileProblem(error);
    throw breakdown(`${file} cannot be written (${problem})`, error);
  });
  try {
    await (over ? rename(draft, file) : place(draft, file, link));
  } catch (error) {
    throw errorCode(error) === "EEXIST"
      ? misuse(`${file} is there already, and is left as it is`)
      : breakdown(`${file} cannot be written (${fileProblem(error)})`, error);
  } finally {
    await rm(draft, { force: true });
  }
}

/** A link, other than a new name, never takes the place of what came in between; nor does a copy like this one. */
async function place(draft: string, file: string, link: typeof hardLink): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    if (!withoutLinks.has(errorCode(error) ?? "")) {
      throw error;
    }
    // Takes the mode along, and what it cannot finish away again.
    await copyFile(draft, file, constants.COPYFILE_EXCL);
  }
}
