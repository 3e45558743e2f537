import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@combined-registry/deadline";
import { Daemon } from "./daemon.ts";
import { request } from "./http.ts";
import { searchPath } from "./search-path.ts";

/** How a registry shall be. */
export interface DockerRegistryOptions {
  /** What to call it. */
  readonly name: string;
  /** Where it may write. */
  readonly folder: string;
  /** The registry whose content it caches; a registry of its own without. */
  readonly remote?: string;
  /** Whether it deletes what it is told to. @default true */
  readonly deletes?: boolean;
  /**
   * Listens on this port and keeps no log of requests, as a benchmark wants it.
   * @default any free port, and everything is logged
   */
  readonly quietPort?: number;
  /** A file with bcrypt entries, the only kind that distribution reads. */
  readonly htpasswd?: string;
  /** Asks for tokens of this issuer. */
  readonly tokens?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    /** A file with the certificate of whoever signs them. */
    readonly certificate: string;
  };
}

/** A running `docker-registry` (CNCF distribution). */
export interface DockerRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:34567` */
  readonly origin: string;
  readonly pid: number;
}

/** Starts a real registry on a free port and waits until it answers. */
export async function startDockerRegistry(options: DockerRegistryOptions): Promise<DockerRegistry> {
  const { name, folder } = options;
  await mkdir(join(folder, name));
  const file = join(folder, name, "config.json");
  await writeFile(file, JSON.stringify(configuration(options)));
  const daemon = await Daemon.start({
    label: `the ${name} registry`,
    program: "docker-registry",
    args: ["serve", file],
    env: { PATH: searchPath },
  });
  try {
    const origin = `http://${await addressOf(daemon, options)}`;
    await until(`${origin}/v2/ of the ${name} registry to answer`, 10_000, () => answers(origin));
    return { origin, pid: daemon.pid, [Symbol.asyncDispose]: () => daemon.stop() };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

async function addressOf(daemon: Daemon, { quietPort }: DockerRegistryOptions): Promise<string> {
  return quietPort === undefined
    ? await daemon.waitFor("its address", (line) => /listening on ([\d.]+:\d+)/.exec(line)?.[1])
    : `127.0.0.1:${quietPort}`;
}

/** distribution reads YAML, of which JSON is a part. */
function configuration(options: DockerRegistryOptions): object {
  const { name, folder, remote, deletes = true, quietPort, htpasswd, tokens } = options;
  return {
    version: "0.1",
    ...(quietPort !== undefined && { log: { level: "error", accesslog: { disabled: true } } }),
    storage: { filesystem: { rootdirectory: join(folder, name, "data") }, delete: { enabled: deletes } },
    http: { addr: `127.0.0.1:${quietPort ?? 0}`, secret: "signs the state of upload sessions" },
    ...(remote !== undefined && { proxy: { remoteurl: remote } }),
    ...(htpasswd !== undefined && { auth: { htpasswd: { realm: "upstream", path: htpasswd } } }),
    ...(tokens !== undefined && { auth: { token: tokenOptions(tokens) } }),
  };
}

function tokenOptions({ certificate, ...rest }: NonNullable<DockerRegistryOptions["tokens"]>): object {
  return { ...rest, rootcertbundle: certificate };
}

async function answers(origin: string): Promise<boolean> {
  try {
    return [200, 401].includes((await request(origin, "GET", "/v2/")).status);
  } catch {
    return false;
  }
}
