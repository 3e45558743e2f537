import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { blobDigest, block, megabyte } from "./blob.ts";
import { Connection } from "./connection.ts";
import type { BlobsJob, SlowJob, UploadJob } from "./jobs.ts";
import { expectStatus, type Seen, summary } from "./requests.ts";

export async function downloadBlobs({ origin, path, streams }: BlobsJob): Promise<Seen> {
  const times: number[] = [];
  let bytes = 0;
  const begun = performance.now();
  const download = async () => {
    const connection = new Connection(origin);
    try {
      const answer = await connection.exchange(`GET ${path} HTTP/1.1`);
      bytes += expectStatus(answer, 200, path).bytes;
      times.push(performance.now() - begun);
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: streams }, download));
  return summary(times, bytes, begun);
}

const readSize = 64 * 1024;
const pauseMs = 50;

/** Each stream may read its share of every pause, and waits for the next when it has. */
export async function downloadSlowly(job: SlowJob): Promise<Seen> {
  const { origin, path, streams, bytesPerSecond, seconds } = job;
  const begun = performance.now();
  const allowed = () => ((performance.now() - begun) / 1000) * bytesPerSecond;
  const all = Array.from({ length: streams }, () => {
    const connection = new Connection(origin, readSize);
    const stream = { connection, bytes: 0, done: false };
    const taken = (bytes: number) => {
      stream.bytes += bytes;
      return stream.bytes < allowed();
    };
    const ended = connection.exchange(`GET ${path} HTTP/1.1`, { taken }).then((answer) => {
      expectStatus(answer, 200, path);
      stream.done = true;
    });
    return { stream, ended };
  });
  const end = begun + seconds * 1000;
  const serve = async () => {
    while (performance.now() < end) {
      await pause(pauseMs);
      for (const { stream } of all) {
        if (!stream.done && stream.bytes < allowed()) {
          (await stream.connection.open()).resume();
        }
      }
    }
  };
  try {
    // Whoever is cut off or refused ends it all; a stream that is whole just stays so.
    await Promise.race([serve(), ...all.map(({ ended }) => ended.then(() => pause(seconds * 1000)))]);
    const bytes = all.reduce((sum, { stream }) => sum + stream.bytes, 0);
    return summary(
      all.map(() => seconds * 1000),
      bytes,
      begun,
    );
  } finally {
    for (const { stream, ended } of all) {
      ended.catch(() => undefined);
      stream.connection.close();
    }
  }
}

/** A session, then all bytes in its PUT, as containerd does. */
export async function uploadBlob({ origin, repository, megabytes }: UploadJob): Promise<Seen> {
  const digest = blobDigest(megabytes);
  const connection = new Connection(origin);
  try {
    const begun = performance.now();
    const post = `POST /v2/${repository}/blobs/uploads/ HTTP/1.1\r\nContent-Length: 0`;
    const opened = expectStatus(await connection.exchange(post), 202, "an upload session");
    const session = sessionIn(opened.head, origin);
    const bytes = megabytes * megabyte;
    const put = `PUT ${session}digest=${digest} HTTP/1.1\r\nContent-Length: ${bytes}`;
    const send = (socket: Socket) => sendBlocks(socket, megabytes);
    expectStatus(await connection.exchange(put, { send }), 201, "the upload");
    return summary([performance.now() - begun], bytes, begun);
  } finally {
    connection.close();
  }
}

/** Path and query of the session, ready for one parameter more. */
function sessionIn(head: string, origin: string): string {
  const location = /\r\nlocation: *(\S+)/i.exec(head)?.[1] ?? "";
  const { pathname, search } = new URL(location, origin);
  return search === "" ? `${pathname}?` : `${pathname}${search}&`;
}

async function sendBlocks(socket: Socket, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    // A connection that closes rejects what waits for the answer.
    if (!socket.write(block)) {
      await once(socket, "drain");
    }
  }
}
