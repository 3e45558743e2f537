import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ComposeService, servicesOf } from "./compose.ts";
import { Daemon } from "./daemon.ts";
import { request } from "./http.ts";
import { freePort } from "./loopback.ts";
import { Resources } from "./resources.ts";
import { program } from "./router.ts";
import { searchPath } from "./search-path.ts";

/** What stands in a page's files for something that is elsewhere here, and the place here. */
export type Places = Readonly<Record<string, string>>;

/** How to run the services of compose files. */
export interface ComposeRun {
  /** Where the files are. Bound files are found from here, and each volume is a folder in it. */
  readonly folder: string;
  readonly files: readonly string[];
  /** For what the files have and this machine has not: a public registry, host names. */
  readonly places: Places;
}

/** Running services. Their volumes stay when they stop. */
export interface RunningServices extends AsyncDisposable {
  /** The port of `127.0.0.1` that stands for 443. */
  readonly port: number;
  /** The configuration of the router as it runs here. */
  readonly routerFile: string;
  /** Address of a registry, which only the other services should use: `http://127.0.0.1:34567`. */
  registry(name: string): string;
  /** Stops one registry, as `docker compose stop` does. */
  stop(name: string): Promise<void>;
}

/**
 * Runs the services of compose files as processes, since there are neither images nor containers to be had: environment becomes
 * environment, a volume a folder, a bound file that file, the name of a service its address. Each image is the program in it.
 */
export async function runServices({ folder, files, places }: ComposeRun): Promise<RunningServices> {
  const services = await servicesOf(files.map((file) => join(folder, file)));
  const running = new Resources();
  const addresses = new Map<string, string>();
  const registries = new Map<string, Registry>();
  const routerFile = join(folder, "here.yaml");
  try {
    for (const [name, service] of Object.entries(services).filter(
      ([, { image }]) => image === "registry:2",
    )) {
      const registry = running.use(await startRegistry(folder, name, service, places));
      registries.set(name, registry);
      addresses.set(name, registry.address);
    }
    const here = () => ({
      ...places,
      ...Object.fromEntries([...addresses].map(([name, address]) => [`http://${name}:5000`, address])),
    });
    const { router, nginx } = services;
    let port = 0;
    if (router !== undefined) {
      port = await startRouter(running, { folder, routerFile, places: here() });
      addresses.set("router", `http://127.0.0.1:${port}`);
    }
    if (nginx !== undefined) {
      port = await startNginx(running, { folder, service: nginx, places: here() });
    }
    return {
      port,
      routerFile,
      registry: (name) => addresses.get(name) ?? "",
      stop: async (name) => registries.get(name)?.[Symbol.asyncDispose](),
      [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
    };
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

/** Puts the places here into a text. */
export function placed(text: string, places: Places): string {
  return Object.entries(places).reduce((given, [there, here]) => given.replaceAll(there, here), text);
}

interface Registry extends AsyncDisposable {
  readonly address: string;
}

/** Runs distribution with the configuration of its image, but for where it listens and writes. */
async function startRegistry(
  folder: string,
  name: string,
  { environment = {}, volumes = [] }: ComposeService,
  places: Places,
): Promise<Registry> {
  const [volume] = volumes.flatMap((text) => /^(.+):\/var\/lib\/registry(?::rw)?$/.exec(text)?.[1] ?? []);
  if (volume === undefined) {
    throw new Error(`the service ${name} keeps its images in no volume`);
  }
  const root = join(folder, `volume-${volume}`);
  await mkdir(root, { recursive: true });
  const file = join(folder, `${name}.json`);
  const ofImage = {
    version: "0.1",
    storage: { cache: { blobdescriptor: "inmemory" }, filesystem: { rootdirectory: root } },
    http: { addr: "127.0.0.1:0", headers: { "X-Content-Type-Options": ["nosniff"] } },
  };
  await writeFile(file, JSON.stringify(ofImage));
  const bound = Object.fromEntries(volumes.map(boundOf).filter(([there]) => there !== "/var/lib/registry"));
  const env = Object.entries(environment).map(([key, value]) => [
    key,
    placed(value, { ...places, ...bound }),
  ]);
  const daemon = await Daemon.start({
    label: `the service ${name}`,
    program: "docker-registry",
    args: ["serve", file],
    env: { PATH: searchPath, ...Object.fromEntries(env) },
  });
  try {
    const host = await daemon.waitFor("its address", (line) => /listening on ([\d.]+:\d+)/.exec(line)?.[1]);
    return { address: `http://${host}`, [Symbol.asyncDispose]: () => daemon.stop() };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

/** Place in the container and place here of a volume. */
function boundOf(volume: string): [there: string, here: string] {
  const [here = "", there = ""] = volume.split(":");
  return [there, here];
}

interface Started {
  readonly folder: string;
  readonly places: Places;
}

/** @returns its port */
async function startRouter(
  running: Resources,
  { folder, routerFile, places }: Started & { readonly routerFile: string },
): Promise<number> {
  await writeFile(routerFile, placed(await readFile(join(folder, "combined-registry.yaml"), "utf8"), places));
  const daemon = running.use(
    await Daemon.start({
      label: "the service router",
      program: process.execPath,
      args: [program, "--config", routerFile, "--host", "127.0.0.1"],
      env: { PATH: searchPath, PORT: "0" },
      folder,
    }),
  );
  return Number(await daemon.waitFor("its port", (line) => /"listening on [^"]*:(\d+)"/.exec(line)?.[1]));
}

/** @returns its port */
async function startNginx(
  running: Resources,
  { folder, service, places }: Started & { readonly service: ComposeService },
): Promise<number> {
  const port = await freePort();
  const bound = (service.volumes ?? []).map(boundOf);
  const [, source = ""] = bound.find(([there]) => there === "/etc/nginx/nginx.conf") ?? [];
  const own = join(folder, "nginx");
  await mkdir(own, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${own}/${kind};`,
  );
  const text = placed(await readFile(source, "utf8"), {
    ...places,
    ...Object.fromEntries(bound),
    "listen 443 ssl;": `listen 127.0.0.1:${port} ssl;`,
    "http {\n": `http {\n  access_log off;\n  ${temporary.join(" ")}\n`,
  });
  const file = join(own, "nginx.conf");
  await writeFile(file, text);
  // Its workers have to read the folder of the test, which belongs to this user.
  const user = process.getuid?.() === 0 ? "user root; " : "";
  const command = {
    label: "the service nginx",
    program: "nginx",
    args: ["-p", own, "-c", file, "-e", "stderr", "-g", `${user}daemon off; pid ${own}/pid;`],
    env: { PATH: searchPath },
  };
  // Over TLS, so it answers what is sent without TLS with 400.
  running.use(await Daemon.answering(command, () => request(`http://127.0.0.1:${port}`, "GET", "/")));
  return port;
}
