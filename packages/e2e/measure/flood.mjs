// Wrong passwords, as fast as they are refused. A worker thread of passwords.mjs.

import { Agent } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { basic, get, load } from "./load.mjs";

const { port, path, connections, milliseconds, spread } = workerData;
const agent = new Agent({ keepAlive: true });

const result = await load(connections, milliseconds, (client, count) =>
  get({
    port,
    path,
    headers: basic(`${count % 2 === 0 ? "alice" : "mallory"}:wrong ${client} ${count}`),
    // All of 127.0.0.0/8 is this machine, on Linux.
    localAddress: spread ? `127.0.1.${client + 1}` : "127.0.0.1",
    agent,
  }),
);
agent.destroy();
parentPort?.postMessage(result);
