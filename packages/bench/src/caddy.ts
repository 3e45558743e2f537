import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "@combined-registry/e2e/daemon";
import { request } from "@combined-registry/e2e/http";
import { freePort } from "@combined-registry/e2e/loopback";
import { isInstalled, searchPath } from "@combined-registry/e2e/search-path";
import type { Peer, Upstreams } from "./peers.ts";

/** Why caddy cannot be measured here, if so. */
export function caddyLacks(): string | undefined {
  return isInstalled("caddy") ? undefined : "not installed";
}

/** Starts caddy, which asks hosted for what the cache answers 404 to, and waits until it answers. */
export async function startCaddy(folder: string, upstreams: Upstreams): Promise<Peer> {
  const port = await freePort();
  const own = join(folder, `caddy-${port}`);
  await mkdir(own);
  const file = join(own, "Caddyfile");
  await writeFile(file, configuration(port, upstreams));
  const origin = `http://127.0.0.1:${port}`;
  const command = {
    label: "caddy",
    program: "caddy",
    args: ["run", "--config", file, "--adapter", "caddyfile"],
    // It keeps files of its own, which are to end with the folder.
    env: { PATH: searchPath, HOME: own, XDG_DATA_HOME: own, XDG_CONFIG_HOME: own },
  };
  const daemon = await Daemon.answering(command, () => request(origin, "GET", "/livez"));
  return {
    name: "caddy",
    origin,
    pids: async () => [daemon.pid],
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

function configuration(port: number, { cache, hosted }: Upstreams): string {
  return `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  respond /livez 200
  @write not method GET HEAD
  reverse_proxy @write ${hosted}
  reverse_proxy ${cache} {
    @missing status 404
    handle_response @missing {
      reverse_proxy ${hosted}
    }
  }
}
`;
}
