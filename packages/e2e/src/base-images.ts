import { cp, mkdir, readdir, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Client } from "./clients.ts";
import { run } from "./run.ts";
import { pathOf, searchPath } from "./search-path.ts";

/** Base images like those that people have, made of this machine's own files, as no registry need be in reach. */
export interface BaseImages {
  /** Node, the libraries that it is linked to, and certificates; no shell. */
  readonly runtime: string;
  /** The same with npm, a shell and what build steps call. */
  readonly build: string;
}

/** Makes the base images in buildah's storage. */
export async function makeBaseImages(buildah: Client, folder: string): Promise<BaseImages> {
  const runtime = await makeImage(buildah, folder, "node", copyNode);
  const build = await makeImage(buildah, folder, "node-with-npm", async (root) => {
    await copyNode(root);
    await copyBuildTools(root);
  });
  return { runtime, build };
}

const certificates = "/etc/ssl/certs/ca-certificates.crt";

async function makeImage(
  buildah: Client,
  folder: string,
  name: string,
  fill: (root: string) => Promise<void>,
): Promise<string> {
  const root = join(folder, name);
  await fill(root);
  const file = join(folder, `${name}.Dockerfile`);
  const env = `PATH=/usr/local/bin:/usr/bin:/bin NODE_EXTRA_CA_CERTS=${certificates}`;
  await writeFile(file, `FROM scratch\nCOPY . /\nENV ${env}\n`);
  const tag = `localhost/${name}`;
  await buildah("build", "--isolation=chroot", "--format=docker", `--tag=${tag}`, `--file=${file}`, root);
  return tag;
}

async function copyNode(root: string): Promise<void> {
  await copyProgram(process.execPath, join(root, "usr/local/bin/node"), root);
  await copyFile(certificates, join(root, certificates));
}

async function copyBuildTools(root: string): Promise<void> {
  for (const tool of ["sh", "env", "find", "rm"]) {
    await copyProgram(pathOf(tool), join(root, "bin", tool), root);
  }
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await symlink("/bin/env", join(root, "usr/bin/env"));
  await mkdir(join(root, "tmp"));
  // .../npm/bin/npm-cli.js
  const npm = dirname(dirname(await realpath(pathOf("npm"))));
  await cp(npm, join(root, "usr/local/lib/node_modules/npm"), { recursive: true });
  await symlink("/usr/local/lib/node_modules/npm/bin/npx-cli.js", join(root, "usr/local/bin/npx"));
}

/** A program with the libraries that it is linked to. */
async function copyProgram(program: string, to: string, root: string): Promise<void> {
  await copyFile(program, to);
  const linked = await run("ldd", [program], { PATH: searchPath });
  for (const [library] of linked.matchAll(/\/\S+/g)) {
    await copyFile(library, join(root, library));
    if (library.endsWith("/libc.so.6")) {
      await copyRestOfLibc(dirname(library), root);
    }
  }
}

/** Native modules are linked to more of the C library than Node is. */
async function copyRestOfLibc(from: string, root: string): Promise<void> {
  const parts = (await readdir(from)).filter((name) =>
    /^lib(rt|resolv|nss_dns|nss_files)\.so\.\d$/.test(name),
  );
  await Promise.all(parts.map((name) => copyFile(join(from, name), join(root, from, name))));
}

async function copyFile(from: string, to: string): Promise<void> {
  await cp(from, to, { dereference: true });
}
