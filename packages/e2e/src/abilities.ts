import { copyFile, mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startBrowser } from "./browser.ts";
import { buildahClient, podmanClient } from "./clients.ts";
import { startContainerd } from "./containerd.ts";
import { startDockerEngine } from "./docker-engine.ts";
import { Resources } from "./resources.ts";
import { run } from "./run.ts";
import { isInstalled, searchPath } from "./search-path.ts";

/** What a program can be kept from by the machine or the user: no root, no cgroups, no user namespaces. */
export type Ability = "dockerd" | "containerd" | "podman" | "podman run" | "buildah" | "chromium";

/** The sentence that a program gave as its reason, by what it was tried for. */
export type Inabilities = Readonly<Partial<Record<Ability, string>>>;

/** The smallest piece of work of each kind. @throws Error with what the program printed */
const tries: Readonly<Record<Ability, (folder: string) => Promise<unknown>>> = {
  dockerd: async (folder) => (await startDockerEngine(folder))[Symbol.asyncDispose](),
  async containerd(folder) {
    await using containerd = await startContainerd(folder);
    await containerd.ctr("snapshots", "--snapshotter", "native", "prepare", "tried");
    // An image is unpacked where it is mounted.
    const place = join(folder, "mounted");
    await mkdir(place);
    const mount = await containerd.ctr("snapshots", "--snapshotter", "native", "mounts", place, "tried");
    await run("sh", ["-c", mount], env);
    await run("umount", [place], env);
  },
  podman: async (folder) => (await podmanClient(folder))("info"),
  async "podman run"(folder) {
    await copyProgram("/bin/true", join(folder, "root"));
    const podman = await podmanClient(folder);
    // As the tests run theirs.
    const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
    await podman("run", "--rm", "--network=host", ...limits, "--rootfs", join(folder, "root"), "/bin/true");
  },
  async buildah(folder) {
    await copyProgram("/bin/true", join(folder, "root"));
    await writeFile(join(folder, "Containerfile"), 'FROM scratch\nCOPY root /\nRUN ["/bin/true"]\n');
    const buildah = await buildahClient(folder);
    await buildah("build", "--isolation=chroot", "--file", join(folder, "Containerfile"), folder);
  },
  chromium: async () => (await startBrowser())[Symbol.asyncDispose](),
};
const env = { PATH: searchPath };

/** Tries everything that is installed, once. Takes some seconds. */
export async function findInabilities(): Promise<Inabilities> {
  const tried = Object.entries(tries).map(async ([ability, work]) => {
    const [program = ""] = ability.split(" ");
    return isInstalled(program) ? [[ability, await reasonAgainst(work)]] : [];
  });
  return Object.fromEntries((await Promise.all(tried)).flat().filter(([, reason]) => reason !== undefined));
}

/** Why a piece of work fails, in one line; undefined if it does not. */
async function reasonAgainst(work: (folder: string) => Promise<unknown>): Promise<string | undefined> {
  const resources = new Resources();
  try {
    await work(await resources.folder());
    return undefined;
  } catch (error) {
    return sentenceOf(error instanceof Error ? error.message : String(error));
  } finally {
    // What is left of a try says nothing of the try.
    await resources[Symbol.asyncDispose]().catch(() => undefined);
  }
}

/** The last line that tells of a failure, as programs end with it. */
export function sentenceOf(printed: string): string {
  const lines = printed
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const telling = lines.filter((line) => /error|fail|cannot|denied|permitted|need|must|not /i.test(line));
  return telling.at(-1) ?? lines.at(-1) ?? "it gave no reason";
}

/** Copies a program and the libraries that it loads to the same places under another root. */
export async function copyProgram(program: string, root: string, as = program): Promise<void> {
  await copyTo(program, join(root, as));
  const listed = await run("ldd", [program], env);
  for (const [, library = ""] of listed.matchAll(/(\/\S+) \(0x/g)) {
    await copyTo(library, join(root, library));
  }
}

async function copyTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(await realpath(from), to);
}
