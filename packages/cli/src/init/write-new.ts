import { constants } from "node:fs";
import { access, copyFile, link as hardLink, rename, rm, writeFile } from "node:fs/promises";
import { breakdown, errorCode, fileProblem, misuse } from "../failure.ts";

export interface Writing {
  /** Overwrite an existing file. */
  readonly over?: boolean;
  /** Who may read it. @default 0o644 */
  readonly mode?: number;
  /** For tests. @default that of Node */
  readonly link?: typeof hardLink;
}

// Errors of file systems without hard links (FAT, exFAT, network shares).
const withoutLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/**
 * Writes a file completely or not at all.
 * @throws Failure if the file exists or cannot be written
 */
export async function writeNew(
  file: string,
  content: string,
  { over = false, mode = 0o644, link = hardLink }: Writing = {},
): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  // Not in the `try` below, which removes the draft: an existing draft belongs to another process.
  await writeFile(draft, content, { flag: "wx", mode }).catch((error: unknown) => {
    const problem =
      errorCode(error) === "EEXIST"
        ? `${draft} exists; delete it unless another init is running`
        : fileProblem(error);
    throw breakdown(`${file} cannot be written (${problem})`, error);
  });
  try {
    await (over ? rename(draft, file) : place(draft, file, link));
  } catch (error) {
    throw errorCode(error) === "EEXIST"
      ? misuse(`${file} exists and is not changed`)
      : breakdown(`${file} cannot be written (${fileProblem(error)})`, error);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Unlike `rename`, neither `link` nor an exclusive copy replaces a file that another process has created meanwhile. */
async function place(draft: string, file: string, link: typeof hardLink): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    if (!withoutLinks.has(errorCode(error) ?? "")) {
      throw error;
    }
    // Copies the mode too, and removes an unfinished copy.
    await copyFile(draft, file, constants.COPYFILE_EXCL);
  }
}
