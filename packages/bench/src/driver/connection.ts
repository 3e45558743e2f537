import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An answer whose body has been read and thrown away. */
export interface Answer {
  readonly status: number;
  /** Status line and headers, as they came. */
  readonly head: string;
  readonly bytes: number;
}

interface Waiting {
  head: string;
  answer?: { status: number; head: string; bytes: number; close: boolean };
  left: number;
  readonly taken: ((bytes: number) => boolean) | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

// What is read is thrown away at once, so one buffer serves all.
const shared = Buffer.allocUnsafe(1 << 20);

/**
 * A kept connection that does the least a client can do: Node's own would need more CPU time than some of the
 * servers. Understands answers with a Content-Length, which all of these have.
 */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  readonly #readSize: number;
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;

  /** @param readSize bytes read at a time; small for those who take little by little */
  constructor(origin: string, readSize: number = shared.length) {
    const { hostname, port } = new URL(origin);
    this.#host = hostname;
    this.#port = Number(port);
    this.#readSize = readSize;
  }

  /** The open socket, opened if there is none. */
  async open(): Promise<Socket> {
    if (this.#socket !== undefined) {
      return this.#socket;
    }
    const socket = connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      onread: {
        buffer: shared.subarray(0, this.#readSize),
        callback: (count, bytes) => this.#read(bytes, count),
      },
    });
    this.#socket = socket;
    socket.on("error", (error) => this.#lose(socket, error));
    socket.on("close", () => this.#lose(socket, new Error("the connection was closed")));
    await once(socket, "connect");
    return socket;
  }

  /**
   * Sends a request and reads the answer.
   * @param head request line and headers, without Host and the empty line
   * @param options.send writes the body
   * @param options.taken hears of bytes of the body; when it says no, reading stops until the socket is resumed
   */
  async exchange(
    head: string,
    { send, taken }: { send?: (socket: Socket) => Promise<void>; taken?: (bytes: number) => boolean } = {},
  ): Promise<Answer> {
    const socket = await this.open();
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#waiting = { head: "", left: 0, taken, resolve, reject };
    });
    socket.write(`${head}\r\nHost: ${this.#host}:${this.#port}\r\n\r\n`);
    const [answer] = await Promise.all([answered, send?.(socket)]);
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #lose(socket: Socket, cause: Error): void {
    if (this.#socket === socket) {
      this.#socket = undefined;
      this.#waiting?.reject(new Error(`${this.#host}:${this.#port}: ${cause.message}`, { cause }));
      this.#waiting = undefined;
    }
  }

  #read(bytes: Uint8Array, count: number): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#socket?.destroy(new Error("an answer that nobody asked for"));
      return false;
    }
    let ofBody = count;
    if (waiting.answer === undefined) {
      waiting.head += Buffer.from(bytes.buffer, bytes.byteOffset, count).toString("latin1");
      const end = waiting.head.indexOf("\r\n\r\n");
      if (end < 0) {
        return true;
      }
      ofBody = waiting.head.length - end - 4;
      try {
        waiting.answer = parseHead(waiting.head.slice(0, end));
      } catch (error) {
        this.#socket?.destroy(error instanceof Error ? error : new Error(String(error)));
        return false;
      }
      waiting.left = waiting.answer.bytes;
    }
    waiting.left -= ofBody;
    const goOn = waiting.taken?.(ofBody) ?? true;
    if (waiting.left <= 0) {
      this.#waiting = undefined;
      if (waiting.answer.close) {
        this.close();
      }
      waiting.resolve(waiting.answer);
    }
    return goOn;
  }
}

function parseHead(head: string): { status: number; head: string; bytes: number; close: boolean } {
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined && status !== 204) {
    throw new Error(`an answer without Content-Length: ${head}`);
  }
  return { status, head, bytes: Number(length ?? 0), close: /\r\nconnection: *close/i.test(head) };
}
