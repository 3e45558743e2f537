import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import { request } from "./http.ts";
import { freePort, ownAddress } from "./loopback.ts";
import { searchPath } from "./search-path.ts";

/** A running `haproxy`, with the configuration of `examples/haproxy`. */
export interface Balancer extends AsyncDisposable {
  readonly origin: string;
  /** The way image names begin. */
  readonly host: string;
  /** Waits until it says that it has taken a router out, or put it back; to be called before it does. */
  says(router: string, state: "DOWN" | "UP"): Promise<void>;
}

/** The header with which it names the router that has answered. */
export const servedBy = "x-served-by";

/** What the routers are called in its configuration. */
export const routerNames = ["router1", "router2"] as const;

const example = fileURLToPath(new URL("../../../examples/haproxy/haproxy.cfg", import.meta.url));

/** Puts haproxy before two routers. @param routers host and port of each */
export async function startBalancer(
  folder: string,
  routers: Readonly<Record<(typeof routerNames)[number], string>>,
): Promise<Balancer> {
  const address = ownAddress();
  const host = `${address}:${await freePort(address)}`;
  const file = join(folder, "haproxy.cfg");
  await writeFile(file, configuration(await readFile(example, "utf8"), { bind: host, ...routers }));
  const daemon = await Daemon.answering(
    { label: "haproxy", program: "haproxy", args: ["-db", "-f", file], env: { PATH: searchPath } },
    () => request(`http://${host}`, "GET", "/livez"),
  );
  return {
    origin: `http://${host}`,
    host,
    async says(router, state) {
      const text = `Server routers/${router} is ${state}`;
      await daemon.waitFor(`"${text}"`, (line) => line.includes(text) || undefined, true);
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

/** The example with other addresses. @param addresses by the words that stand before them */
function configuration(text: string, addresses: Readonly<Record<string, string>>): string {
  return Object.entries(addresses).reduce((given, [name, address]) => {
    const line = new RegExp(`^( *(?:server )?${name} )[\\d.]*:\\d+`, "m");
    if (!line.test(given)) {
      throw new Error(`${example} has no address for ${name}`);
    }
    return given.replace(line, `$1${address}`);
  }, text);
}
