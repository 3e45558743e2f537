import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, dirname } from "node:path";
import { packAll } from "./packed.ts";
import { run } from "./run.ts";

/** A registry for npm that has our packages, as they are built now, and no others. */
export interface PackageRegistry extends AsyncDisposable {
  /** What npm's option `registry` has to say. */
  readonly url: string;
}

interface Tarball {
  readonly bytes: Buffer;
  /** Its package.json. */
  readonly manifest: { readonly name: string; readonly version: string };
}

/** Starts one on a free port. */
export async function startPackageRegistry(): Promise<PackageRegistry> {
  const paths = Object.values(await packAll());
  const tarballs = await Promise.all(paths.map(read));
  // The folder is named after the tarballs' content. With that in the URL, npm's cache never takes one build for another.
  const base = `/${basename(dirname(paths[0] ?? ""))}/`;
  let url = "";
  const server = createServer(({ url: target = "" }, response) => {
    const asked = decodeURIComponent(target.slice(base.length));
    const found = tarballs.find(({ manifest: { name } }) => asked === name || asked === `${name}.tgz`);
    if (found === undefined || !target.startsWith(base)) {
      response.writeHead(404).end();
    } else if (asked.endsWith(".tgz")) {
      response.end(found.bytes);
    } else {
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(described(found, url)));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the registry of packages has no port");
  }
  url = `http://127.0.0.1:${address.port}${base}`;
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function read(path: string): Promise<Tarball> {
  const packed = await run("tar", ["-xzOf", path, "package/package.json"], process.env);
  return { bytes: await readFile(path), manifest: JSON.parse(packed) };
}

/** What npm's registry would say of a package of one version. */
function described({ bytes, manifest }: Tarball, url: string): object {
  const { name, version } = manifest;
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist: { tarball: `${url}${name}.tgz`, integrity } } },
  };
}
