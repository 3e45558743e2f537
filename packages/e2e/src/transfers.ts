import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { within } from "@combined-registry/deadline";
import { content } from "./images.ts";
import { moment } from "./moment.ts";
import { openSession, withDigest } from "./seed.ts";

/** A large body that stands still in the middle until it is told to go on. */
export interface Transfer {
  /** Lets it go on to its end. */
  finish(): Promise<Transferred>;
}

/** How it has ended. */
export interface Transferred {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** Of the bytes that came or went. */
  readonly digest: string;
}

/** What is done before it stands still. The rest must be more than sockets and programs on the way hold. */
const firstPart = 0.25;

/** Gets a blob. @returns when it is in the middle */
export function beginDownload(origin: string, target: string): Promise<Transfer> {
  return begin(`the download of ${target}`, async (pause) => {
    const sent = httpRequest(new URL(target, origin), { agent: false }).end();
    const response = await answerTo(sent);
    const size = Number(response.headers["content-length"]);
    const chunks: Buffer[] = [];
    let received = 0;
    for await (const chunk of response) {
      chunks.push(chunk);
      received += chunk.length;
      if (received >= size * firstPart) {
        await pause();
      }
    }
    return { response, digest: content(Buffer.concat(chunks)).digest };
  });
}

/** Puts a blob that nobody has. @returns when it is in the middle */
export function beginUpload(origin: string, repository: string, size: number): Promise<Transfer> {
  return begin(`the upload to ${repository}`, async (pause) => {
    const { bytes, digest } = content(randomBytes(size));
    const path = withDigest(await openSession(origin, repository), digest);
    const headers = { "Content-Length": size, "Content-Type": "application/octet-stream" };
    const sent = httpRequest(new URL(path, origin), { method: "PUT", headers, agent: false });
    async function* body() {
      yield bytes.subarray(0, size * firstPart);
      await pause();
      yield bytes.subarray(size * firstPart);
    }
    const [response] = await Promise.all([answerTo(sent), pipeline(Readable.from(body()), sent)]);
    response.resume();
    return { response, digest };
  });
}

type Work = (pause: () => Promise<void>) => Promise<{ response: IncomingMessage; digest: string }>;

async function begin(label: string, work: Work): Promise<Transfer> {
  const [middle, end] = [moment(), moment()];
  const done = work(() => {
    middle.pass();
    return end.passed;
  }).catch((cause) => {
    throw new Error(`${label}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  await within(`${label} to be in the middle`, 30_000, Promise.race([middle.passed, done]));
  return {
    async finish() {
      end.pass();
      const { response, digest } = await within(`${label} to end`, 30_000, done);
      return { status: response.statusCode ?? 0, headers: response.headers, digest };
    },
  };
}

async function answerTo(sent: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) {
    throw new Error("no answer");
  }
  return response;
}
