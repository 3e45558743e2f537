import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import { request } from "./http.ts";
import { freePort } from "./loopback.ts";
import { searchPath } from "./search-path.ts";

/** One line of what a query says. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A running Prometheus. */
export interface Prometheus extends AsyncDisposable {
  /** @throws Error in its words, if it does not understand the query */
  query(query: string): Promise<readonly Series[]>;
}

/** Starts Prometheus with a configuration, of which JSON is as good as YAML. */
export async function startPrometheus(configuration: object, folder: string): Promise<Prometheus> {
  const inside = join(folder, "prometheus");
  await mkdir(inside);
  const file = join(inside, "prometheus.yml");
  await writeFile(file, JSON.stringify(configuration));
  const address = `127.0.0.1:${await freePort()}`;
  const origin = `http://${address}`;
  const daemon = await Daemon.answering(
    {
      label: "prometheus",
      program: "prometheus",
      args: [`--config.file=${file}`, `--storage.tsdb.path=${inside}`, `--web.listen-address=${address}`],
      env: { PATH: searchPath },
    },
    async () => {
      const { status } = await request(origin, "GET", "/-/ready");
      if (status !== 200) {
        // It listens a moment before it answers queries.
        throw new Error(`prometheus is not ready: ${status}`);
      }
    },
  );
  return {
    async query(query) {
      const { body } = await request(origin, "GET", `/api/v1/query?query=${encodeURIComponent(query)}`);
      const said: { error?: string; data?: { result: Series[] } } = JSON.parse(body.toString());
      if (said.data === undefined) {
        throw new Error(`${query}: ${said.error}`);
      }
      return said.data.result;
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}
