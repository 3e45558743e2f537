import { Agent } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { request } from "./http.ts";
import { type Client, pullBlob, pullManifest, pushAndPull, type Ware } from "./works.ts";

/** Clients that go on until they are told to stop. */
export interface Traffic extends AsyncDisposable {
  /** Requests that were answered. */
  readonly requests: number;
  /** What went wrong, a sentence each. */
  readonly failures: readonly string[];
  /** Lets each client end what it is at. @returns how often each kind of work was done */
  stop(): Promise<Readonly<Record<string, number>>>;
}

/** Milliseconds between two works of a client: traffic that fills the machine would only test how slow that is. */
const breath = 20;

/**
 * Pulls and pushes again and again, and looks at every byte. Each kind of work has a client with a connection for each request, as
 * docker has, and one that keeps its connection, as containerd does.
 */
export function startTraffic(origin: string, wares: readonly Ware[]): Traffic {
  const failures: string[] = [];
  let requests = 0;
  let stopping = false;

  /** Does one work again and again. @returns how often */
  const goOn = async (name: string, agent?: Agent): Promise<number> => {
    const client: Client = {
      origin,
      async ask(method, target, options) {
        const reply = await request(origin, method, target, { ...options, ...(agent && { agent }) });
        requests += 1;
        return reply;
      },
    };
    let times = 0;
    for (let turn = 0; !stopping; turn++) {
      await pause(breath);
      try {
        await works[name]?.(
          client,
          pick(wares, turn),
          `load/${agent === undefined ? "docker" : "containerd"}`,
        );
        times += 1;
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    agent?.destroy();
    return times;
  };

  const running = Object.keys(works).map(async (name) => {
    const times = await Promise.all([goOn(name), goOn(name, new Agent({ keepAlive: true, maxSockets: 1 }))]);
    return [name, times[0] + times[1]] as const;
  });
  const stop = async () => {
    stopping = true;
    return Object.fromEntries(await Promise.all(running));
  };
  return {
    failures,
    get requests() {
      return requests;
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

const works: Readonly<Record<string, (client: Client, ware: Ware, own: string) => Promise<void>>> = {
  "manifest by tag": (client, { repository, tag, image }) =>
    pullManifest(client, repository, tag, image.manifest.digest),
  "manifest by digest": (client, { repository, image: { manifest } }) =>
    pullManifest(client, repository, manifest.digest, manifest.digest),
  blobs: async (client, { repository, image }) => {
    for (const { digest } of image.blobs) {
      await pullBlob(client, repository, digest);
    }
  },
  push: (client, _, own) => pushAndPull(client, own),
};

function pick<T>(of: readonly T[], turn: number): T {
  const picked = of[turn % of.length];
  if (picked === undefined) {
    throw new Error("there is nothing to pull");
  }
  return picked;
}
