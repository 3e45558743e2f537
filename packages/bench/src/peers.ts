import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "@combined-registry/e2e/daemon";
import { request } from "@combined-registry/e2e/http";
import type { Image } from "@combined-registry/e2e/images";
import { freePort } from "@combined-registry/e2e/loopback";
import type { Resources } from "@combined-registry/e2e/resources";
import { program } from "@combined-registry/e2e/router";
import { isInstalled, searchPath } from "@combined-registry/e2e/search-path";
import { caddyLacks, startCaddy } from "./caddy.ts";
import { nginxLacks, startNginx } from "./nginx.ts";

/** Who is measured. */
export type PeerName =
  | "router"
  | "other build"
  | "direct"
  | "nginx error_page"
  | "nginx + Lua"
  | "caddy"
  | "bare node"
  | "router, 1 rule"
  | "router, many rules";

/** A server under load. */
export interface Peer extends AsyncDisposable {
  readonly name: PeerName;
  readonly origin: string;
  /** Its processes, as they are now. */
  pids(): Promise<number[]>;
}

/** The origins that a peer stands before. */
export interface Upstreams {
  readonly cache: string;
  readonly hosted: string;
}

const bareServer = fileURLToPath(new URL("./bare-server.js", import.meta.url));

/** Starts the built router, without authentication, its log silent. */
export async function startRouterPeer(
  name: PeerName,
  folder: string,
  { cache, hosted }: Upstreams,
  config: object = {},
  bin = program,
): Promise<Peer> {
  const port = await freePort();
  const file = join(folder, `router-${port}.json`);
  await writeFile(file, JSON.stringify({ host: "127.0.0.1", port, hosted, proxy: cache, ...config }));
  const origin = `http://127.0.0.1:${port}`;
  const command = {
    label: name,
    program: process.execPath,
    args: [bin, "--config", file, "--log-level", "silent"],
    env: { PATH: searchPath },
    folder,
  };
  const daemon = await Daemon.answering(command, () => request(origin, "GET", "/livez"));
  return { name, origin, pids: async () => [daemon.pid], [Symbol.asyncDispose]: () => daemon.stop() };
}

/** Starts a server that has manifests in memory and does nothing else. */
export async function startBareServer(folder: string, images: readonly Image[]): Promise<Peer> {
  const file = join(folder, "manifests.json");
  const manifests = images.map(({ manifest, mediaType }) => [
    manifest.digest,
    mediaType,
    manifest.bytes.toString(),
  ]);
  await writeFile(file, JSON.stringify(manifests));
  const daemon = await launchBareServer([file]);
  try {
    const port = await daemon.waitFor("its port", (line) => /listening on (\d+)/.exec(line)?.[1]);
    return {
      name: "bare node",
      origin: `http://127.0.0.1:${port}`,
      pids: async () => [daemon.pid],
      [Symbol.asyncDispose]: () => daemon.stop(),
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

/** A bare server that says "listening on" when it does. */
export function launchBareServer(args: readonly string[] = []): Promise<Daemon> {
  return Daemon.start({
    label: "the bare server",
    program: process.execPath,
    args: [bareServer, ...args],
    env: { PATH: searchPath },
  });
}

/** The combining peers over two upstreams: those that this machine has, or two builds of the router. They end with `resources`. */
export async function startCombiners(
  resources: Resources,
  folder: string,
  upstreams: Upstreams,
  against?: string,
): Promise<Peer[]> {
  const peers = [resources.use(await startRouterPeer("router", folder, upstreams))];
  if (against !== undefined) {
    return [...peers, resources.use(await startRouterPeer("other build", folder, upstreams, {}, against))];
  }
  for (const name of ["nginx error_page", "nginx + Lua"] as const) {
    if (nginxLacks(name) === undefined) {
      peers.push(resources.use(await startNginx(name, folder, upstreams)));
    }
  }
  if (caddyLacks() === undefined) {
    peers.push(resources.use(await startCaddy(folder, upstreams)));
  }
  return peers;
}

/** Who is not measured, and why: one line each. */
export function absentPeers(): string[] {
  const nginx = (["nginx error_page", "nginx + Lua"] as const).flatMap((name) => {
    const reason = nginxLacks(name);
    return reason === undefined ? [] : [`${name}: not measured, ${reason}`];
  });
  const caddy = caddyLacks();
  const haproxy = `haproxy: not measured, ${isInstalled("haproxy") ? "no configuration for it has been written" : "not installed"}`;
  return [...nginx, ...(caddy === undefined ? [] : [`caddy: not measured, ${caddy}`]), haproxy];
}
