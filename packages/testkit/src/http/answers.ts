import { gzipSync } from "node:zlib";
import type { ErrorAnswer } from "../behaviour.ts";
import type { RegistryOptions } from "../options.ts";
import { json, type Reply } from "./reply.ts";
import { fill } from "./templates.ts";

/** An error in the words that a registry has for it. */
export class OwnError extends Error {
  override readonly name = "OwnError";
  readonly reply: Reply;

  constructor({ status, code, message, headers = {} }: ErrorAnswer, repository = "") {
    const words = fill(message, { name: repository });
    super(words);
    this.reply = json(status, { errors: [{ code, message: words }] }, headers);
  }
}

/** A reply with what the registry adds to all of them: its own headers, and gzip, but for tokens, which another service of it issues. */
export function dressed(
  { headers = {}, gzip = false, tokens }: RegistryOptions,
  reply: Reply,
  path: string,
): Reply {
  const { body = "" } = reply;
  const own = { ...headers, ...reply.headers };
  const zips = gzip && path !== tokens?.path;
  const compressed = zips && (typeof body === "string" || Buffer.isBuffer(body)) && body.length > 0;
  return compressed
    ? { ...reply, headers: { ...own, "Content-Encoding": "gzip" }, body: gzipSync(body) }
    : { ...reply, headers: own };
}
