import type { Readable } from "node:stream";
import { ClientAborted, UpstreamFailure } from "../errors.ts";
import { firstValue } from "../protocol/headers.ts";
import { processBuffers } from "./transport/buffers.ts";
import { LargeBody, SocketReader } from "./transport/large-body.ts";
import type { UpstreamResponse } from "./transport/send.ts";
import { watchForStall } from "./transport/stall-watch.ts";
import type { Upstream } from "./upstream.ts";

export interface Source {
  readonly upstream: Upstream;
  readonly answer: UpstreamResponse;
  /** Bytes at the beginning of the body that were given before. */
  readonly skip: number;
}

/** Requests the rest of a body that broke off. */
export interface Resumer {
  /**
   * The rest; undefined if no upstream has it.
   * @param broken the upstream that broke off
   * @param sent bytes of the body that were given so far
   * @throws ClientAborted
   */
  resumeAt(broken: Upstream, sent: number): Promise<Source | undefined>;
}

interface ResumableBodyOptions {
  readonly resumer?: Resumer | undefined;
  /**
   * Whether large bodies are read past Node's parser, into buffers that are reused. Their pieces come with a `release`.
   * @default false
   */
  readonly lendsBuffers?: boolean;
  /** Called for each piece that an upstream sends, skipped ones included. */
  received?(from: Upstream, bytes: number): void;
  /** Called before another upstream, or the same one again, sends the rest. */
  resumed?(from: Upstream, to: Upstream, failure: UpstreamFailure): void;
}

/**
 * Takes a piece. With a `release`, the piece is lent: its bytes stay unchanged until `release` is called.
 * @returns false to get no more until `resume`
 */
type TakePiece = (piece: Buffer, release?: () => void) => boolean;

// Bytes. Reading past the parser costs a connection, which cannot be reused. Smaller bodies are not worth it.
const leastForLargePieces = 4 * 1024 * 1024;

/**
 * The body of an upstream's response. If the upstream breaks off, another one sends the rest. Pieces are pushed: an async iterator
 * would copy waiting pieces into one buffer, and could not lend any.
 */
export class ResumableBody {
  /** Whether pieces were lent. Then `close` has to be called when none of them is in use. */
  lends = false;
  readonly #options: ResumableBodyOptions;
  readonly #lending: LargeBody[] = [];
  #source: Source;
  #stream: Readable;
  #given = 0;
  #isPaused = false;
  #isClosed = false;
  #cancel: (() => void) | undefined;

  constructor(first: Source, options: ResumableBodyOptions = {}) {
    this.#source = first;
    this.#stream = first.answer.body;
    this.#options = options;
  }

  get upstream(): Upstream {
    return this.#source.upstream;
  }

  get given(): number {
    return this.#given;
  }

  /**
   * Gives all pieces to `take`, in order, each byte once.
   * @throws UpstreamFailure if an upstream breaks off and none resumes; ClientAborted after `close`
   */
  async pipeTo(take: TakePiece): Promise<void> {
    let failure = await this.#pipeSource(take);
    while (failure !== undefined) {
      const broken = this.#source.upstream;
      const next = await this.#options.resumer?.resumeAt(broken, this.#given);
      if (this.#isClosed) {
        next?.answer.body.destroy();
        throw new ClientAborted();
      }
      if (next === undefined) {
        throw failure;
      }
      this.#options.resumed?.(broken, next.upstream, failure);
      this.#source = next;
      failure = await this.#pipeSource(take);
    }
  }

  resume(): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#stream.resume();
    }
  }

  /** Stops reading. Lent pieces that were not released are never written over. */
  close(): void {
    this.#isClosed = true;
    if (!this.#stream.readableEnded) {
      this.#stream.destroy();
    }
    this.#cancel?.();
    for (const large of this.#lending.splice(0)) {
      large.abandon();
    }
  }

  /** @returns why the current upstream broke off; undefined at the end of the body */
  #pipeSource(take: TakePiece): Promise<UpstreamFailure | undefined> {
    const { upstream, answer, skip } = this.#source;
    const { lendsBuffers, received } = this.#options;
    const large = lendsBuffers === true ? largeBodyOf(answer) : undefined;
    if (large !== undefined) {
      this.lends = true;
      this.#lending.push(large);
    }
    const stream = large ?? answer.body;
    this.#stream = stream;
    let toSkip = skip;
    let bytes = 0;
    const { idle } = upstream.timeouts;
    const watch = watchForStall({
      limit: idle,
      // While paused, the upstream waits for the taker.
      measure: () => (this.#isPaused ? undefined : bytes),
      stalled: () =>
        answer.body.destroy(new UpstreamFailure("timeout", `no byte of the body within ${idle} ms`)),
    });
    return new Promise((resolve, reject) => {
      const onData = (piece: Buffer) => {
        bytes += piece.length;
        received?.(upstream, piece.length);
        const rest = toSkip === 0 ? piece : piece.subarray(toSkip);
        toSkip -= piece.length - rest.length;
        if (rest.length === 0) {
          large?.release(piece);
          return;
        }
        this.#given += rest.length;
        const wantsMore = large === undefined ? take(rest) : take(rest, () => large.release(piece));
        if (!wantsMore) {
          this.#isPaused = true;
          stream.pause();
        }
      };
      const onBroken = () => {
        this.#cancel = undefined;
        clearInterval(watch);
        stream.off("data", onData);
        const { errored } = stream;
        if (this.#isClosed) {
          reject(new ClientAborted());
        } else if (errored instanceof UpstreamFailure) {
          resolve(errored);
        } else {
          resolve(new UpstreamFailure("broken", "connection closed", { cause: errored }));
        }
      };
      // `close` follows each error. An error after the end would end the process without this listener.
      stream.once("error", ignore);
      if (stream.destroyed || this.#isClosed) {
        onBroken();
        return;
      }
      this.#cancel = onBroken;
      stream.once("close", onBroken);
      stream.once("end", () => {
        this.#cancel = undefined;
        clearInterval(watch);
        stream.off("close", onBroken);
        resolve(undefined);
      });
      if (this.#isPaused) {
        stream.pause();
      }
      stream.on("data", onData);
    });
  }
}

function ignore(): void {}

/** A body that is worth reading past Node's parser. */
function largeBodyOf({ body, headers }: UpstreamResponse): LargeBody | undefined {
  const length = Number(firstValue(headers, "content-length"));
  if (!(length >= leastForLargePieces) || body.complete || body.destroyed) {
    return undefined;
  }
  const reader = SocketReader.of(body);
  return reader !== undefined && firstValue(headers, "transfer-encoding") === undefined
    ? new LargeBody(body, length, reader, processBuffers)
    : undefined;
}
