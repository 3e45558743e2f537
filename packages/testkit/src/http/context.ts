import type { IncomingMessage } from "node:http";
import type { RegistryOptions } from "../options.ts";
import type { Store } from "../storage/store.ts";
import type { Upload } from "../storage/uploads.ts";
import { ProtocolError } from "./error.ts";
import type { ParseRoute } from "./route.ts";

/** What a registry's requests share. */
export interface Registry {
  readonly options: RegistryOptions;
  readonly store: Store;
  readonly uploads: Map<string, Upload>;
  readonly parseRoute: ParseRoute;
  /** Origin of the other host that belongs to the registry, if one does. */
  readonly elsewhere: string | undefined;
}

/** A request on its way. */
export interface Context extends Registry {
  readonly request: IncomingMessage;
  readonly method: string;
  /** Aborted when the exchange is over, whichever way. */
  readonly signal: AbortSignal;
  readonly query: URLSearchParams;
  /** Scheme and host under which the client sees the registry. */
  readonly origin: string;
  /** Hands on each piece of the request's body. */
  receive(take: (piece: Buffer) => void): Promise<void>;
}

/** @throws ProtocolError UNSUPPORTED unless the method is one of these */
export function allow({ method }: Context, ...methods: readonly string[]): void {
  if (!methods.includes(method)) {
    throw new ProtocolError("UNSUPPORTED", null, { Allow: methods.join(", ") });
  }
}

/** A request's body as a whole, for manifests. */
export async function receiveAll(context: Context): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await context.receive((piece) => pieces.push(piece));
  return Buffer.concat(pieces);
}
