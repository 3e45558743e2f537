import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./run.ts";

/** The packages that are published, by the folder that they stand in. */
const folders = {
  "@combined-registry/core": "core",
  "@combined-registry/testkit": "testkit",
  "combined-registry": "cli",
} as const;

/** The name of a package that is published. */
export type PackageName = keyof typeof folders;

/** Where each package's tarball is: an absolute path. */
export type Tarballs = Readonly<Record<PackageName, string>>;

/** The fields of a package.json that matter here. */
interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** With what is installed, and not in /tmp, where anybody could have put tarballs of the same name. */
const shelf = join(root, "node_modules/.cache/combined-registry-packed");
const names = Object.keys(folders).filter(isPackageName);

function isPackageName(name: string): name is PackageName {
  return Object.hasOwn(folders, name);
}

/** The folder of a published package in the workspace. */
export const sourceOf = (name: PackageName): string => join(root, "packages", folders[name]);

/**
 * Packs what is published, as it is built now. The tarballs stand in a folder named after their content, so that
 * the test files of one run, each with modules and a process of its own, pack once.
 * @throws Error unless everything is built
 */
export async function packAll(): Promise<Tarballs> {
  const folder = join(shelf, await fingerprint());
  if (!existsSync(folder)) {
    await mkdir(shelf, { recursive: true });
    await packInto(folder);
  }
  return tarballsIn(folder);
}

/** Whoever packs first wins; nobody ever sees a folder that is half full. */
async function packInto(folder: string): Promise<void> {
  const unfinished = await mkdtemp(`${folder}-`);
  const filters = names.flatMap((name) => ["--filter", name]);
  const pack = ["-r", ...filters, "pack", "--pack-destination", unfinished];
  await run("npx", ["-y", "pnpm@10.34.9", "--dir", root, ...pack], process.env);
  await rename(unfinished, folder).catch(async (error: NodeJS.ErrnoException) => {
    await rm(unfinished, { recursive: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") {
      throw error;
    }
  });
}

/** Changes with everything that may end up in a tarball. */
async function fingerprint(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of names) {
    const folder = sourceOf(name);
    if (!existsSync(join(folder, "dist"))) {
      throw new Error(`${name} is not built: run \`npm test\`, or \`tsc -b\` before jest`);
    }
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    const packed = paths.filter((path) => !/\/(node_modules|test)\/|\.tsbuildinfo$/.test(path));
    for (const path of packed.sort()) {
      hash.update(`${path}\0`).update(await readFile(path));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

async function tarballsIn(folder: string): Promise<Tarballs> {
  const files = await readdir(folder);
  const tarballOf = (name: PackageName): string => {
    const begin = new RegExp(`^${name.replace("@", "").replace("/", "-")}-\\d`);
    const file = files.find((candidate) => begin.test(candidate));
    if (file === undefined) {
      throw new Error(`${folder} has no tarball of ${name}, but ${files.join(", ")}`);
    }
    return join(folder, file);
  };
  return {
    "@combined-registry/core": tarballOf("@combined-registry/core"),
    "@combined-registry/testkit": tarballOf("@combined-registry/testkit"),
    "combined-registry": tarballOf("combined-registry"),
  };
}

/** How to install. */
export interface InstallOptions {
  /** The `node` to install with. @default the one that runs this */
  readonly node?: string;
}

/**
 * Installs what a folder's package.json asks for, as a user would; our packages, those that others of ours depend on
 * included, come from their tarballs, nothing from the workspace. The package.json is rewritten for it.
 */
export async function installPacked(
  folder: string,
  { node = process.execPath }: InstallOptions = {},
): Promise<void> {
  const tarballs = await packAll();
  const path = join(folder, "package.json");
  const manifest: Manifest = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, `${JSON.stringify(withTarballs(manifest, tarballs), null, 2)}\n`);
  const options = ["--no-audit", "--no-fund", "--prefer-offline", "--no-package-lock", "--loglevel=error"];
  await run("npm", ["install", "--prefix", folder, ...options], environmentWith(node));
}

/** npm refuses an override that differs from a direct dependency, so both say the same. */
function withTarballs(manifest: Manifest, tarballs: Tarballs): Manifest {
  const overrides = Object.fromEntries(names.map((name) => [name, `file:${tarballs[name]}`]));
  const rewritten = (dependencies: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.entries(dependencies).map(([name, range]) => [name, overrides[name] ?? range]));
  return {
    ...manifest,
    dependencies: rewritten(manifest.dependencies),
    devDependencies: rewritten(manifest.devDependencies),
    overrides: { ...manifest.overrides, ...overrides },
  };
}

/**
 * An environment in which npm and whatever it runs use this `node`. What the npm that runs the tests has said of the
 * workspace is not in it.
 */
export function environmentWith(node: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(name),
  );
  return { ...Object.fromEntries(own), PATH: [dirname(node), process.env.PATH].join(delimiter) };
}
