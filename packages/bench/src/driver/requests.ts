import { acceptManifests } from "@combined-registry/e2e/images";
import { percentile } from "../statistics.ts";
import { type Answer, Connection } from "./connection.ts";
import type { HerdJob, Outcome, RequestsJob } from "./jobs.ts";

/** An outcome, but for what only the process itself knows. */
export type Seen = Omit<Outcome, "busy">;

export async function sendRequests(job: RequestsJob): Promise<Seen> {
  const { origin, paths, connections, seconds, most = Number.POSITIVE_INFINITY } = job;
  const times: number[] = [];
  let sent = 0;
  let bytes = 0;
  const begun = performance.now();
  const end = begun + seconds * 1000;
  const work = async () => {
    const connection = new Connection(origin);
    try {
      while (sent < most && performance.now() < end) {
        const path = paths[sent % paths.length] ?? "";
        sent += 1;
        const before = performance.now();
        const answer = await get(connection, path);
        times.push(performance.now() - before);
        bytes += answer.bytes;
      }
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return summary(times, bytes, begun);
}

export async function sendHerd({ origin, path, clients }: HerdJob): Promise<Seen> {
  const connections = Array.from({ length: clients }, () => new Connection(origin));
  try {
    await Promise.all(connections.map((connection) => connection.open()));
    const begun = performance.now();
    const times: number[] = [];
    let bytes = 0;
    const ask = async (connection: Connection) => {
      bytes += (await get(connection, path)).bytes;
      times.push(performance.now() - begun);
    };
    await Promise.all(connections.map(ask));
    return summary(times, bytes, begun);
  } finally {
    for (const connection of connections) {
      connection.close();
    }
  }
}

async function get(connection: Connection, path: string): Promise<Answer> {
  return expectStatus(
    await connection.exchange(`GET ${path} HTTP/1.1\r\nAccept: ${acceptManifests}`),
    200,
    path,
  );
}

/** @throws Error unless an answer is as it has to be: wrong answers may be fast */
export function expectStatus(answer: Answer, status: number, what: string): Answer {
  if (answer.status !== status) {
    throw new Error(`${what}: ${answer.status} instead of ${status}: ${answer.head}`);
  }
  return answer;
}

/** @param begun when, by `performance.now()` */
export function summary(times: readonly number[], bytes: number, begun: number): Seen {
  return {
    requests: times.length,
    bytes,
    seconds: (performance.now() - begun) / 1000,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  };
}
