import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Authentication } from "./http/auth.ts";
import type { Registry } from "./http/context.ts";
import { Faults } from "./http/faults.ts";
import { type Layers, listener } from "./http/listener.ts";
import { RateLimit } from "./http/rate-limit.ts";
import { Recording } from "./http/record.ts";
import type { ImageDescriptor, ImageOptions } from "./images/image.ts";
import type { ActiveFault, Descriptor, Fault, RecordedRequest, RegistryOptions } from "./options.ts";
import { Contents, type ManifestOptions } from "./storage/contents.ts";
import { Store } from "./storage/store.ts";

/** A running registry. `await using registry = await startRegistry()` closes it at the end of the block. */
export interface TestRegistry extends AsyncDisposable {
  /** Its URL: `http://127.0.0.1:12345`. */
  readonly url: string;
  /** Host and port, as in image names: `127.0.0.1:12345`. */
  readonly host: string;

  /** All requests that it received, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Empties `requests`. */
  clearRequests(): void;

  /** Switches a fault on. @throws TypeError if the fault does not have exactly one effect */
  fault(fault: Fault): ActiveFault;
  /** Switches all faults off. Requests that already hang keep hanging. */
  clearFaults(): void;

  /** Revokes all tokens that were issued so far. */
  revokeTokens(): void;

  /** Adds a blob. */
  addBlob(repository: string, content: string | Uint8Array): Descriptor;
  /** Adds a blob of any size that is generated while it is served. The call reads it once to compute its digest. */
  addGeneratedBlob(
    repository: string,
    options: {
      /** Bytes. */
      readonly size: number;
      /** The same seed makes the same bytes. */
      readonly seed: number;
    },
  ): Descriptor;
  /** Adds a manifest or index. The content that it refers to need not exist. */
  addManifest(
    repository: string,
    manifest: object | string | Uint8Array,
    options?: ManifestOptions,
  ): Descriptor;
  /** Adds a small image that clients can unpack, for one or several platforms. */
  addImage(repository: string, options?: ImageOptions): ImageDescriptor;

  /** Whether the repository has this blob. */
  hasBlob(repository: string, digest: string): boolean;
  /** Whether the repository has this manifest, by tag or digest. */
  hasManifest(repository: string, reference: string): boolean;
  /** Tags of the repository, sorted; empty if the repository does not exist. */
  tags(repository: string): string[];
  /** The bytes of a manifest, by tag or digest; undefined if it does not exist. */
  manifest(repository: string, reference: string): Buffer | undefined;

  /** Number of requests whose answer is not complete. */
  readonly openResponses: number;
  /** Number of open client connections. */
  readonly openConnections: number;

  /** Ends all connections and stops listening. It may be called several times. */
  close(): Promise<void>;
}

/**
 * Starts a registry in this process.
 * @throws Error if it cannot listen
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const store = new Store();
  const registry: Registry = { options, store, uploads: new Map() };
  const layers = {
    registry,
    authentication: new Authentication(),
    rateLimit: new RateLimit(),
    faults: new Faults(),
    recording: new Recording(),
  };
  const server =
    options.tls === undefined
      ? createServer({ requestTimeout: 0 })
      : createSecureServer({ ...options.tls, requestTimeout: 0 });
  const open = track(server, layers);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const { host: name = "127.0.0.1" } = options;
  const host = `${name.includes(":") ? `[${name}]` : name}:${port}`;
  const contents = new Contents(store);
  return {
    url: `${options.tls === undefined ? "http" : "https"}://${host}`,
    host,
    get requests() {
      return layers.recording.requests;
    },
    clearRequests: () => layers.recording.clear(),
    fault: (fault) => layers.faults.add(fault),
    clearFaults: () => layers.faults.clear(),
    revokeTokens: () => layers.authentication.revoke(),
    addBlob: (repository, content) => contents.addBlob(repository, content),
    addGeneratedBlob: (repository, generated) => contents.addGeneratedBlob(repository, generated),
    addManifest: (repository, manifest, manifestOptions) =>
      contents.addManifest(repository, manifest, manifestOptions),
    addImage: (repository, imageOptions) => contents.addImage(repository, imageOptions),
    hasBlob: (repository, digest) => store.get(repository)?.blobs.has(digest) ?? false,
    hasManifest: (repository, reference) => store.get(repository)?.find(reference) !== undefined,
    tags: (repository) => [...(store.get(repository)?.tags.keys() ?? [])].sort(),
    manifest: (repository, reference) => store.get(repository)?.find(reference)?.bytes,
    get openResponses() {
      return open.responses.size;
    },
    get openConnections() {
      return open.connections.size;
    },
    close: () => close(server, open),
    [Symbol.asyncDispose]: () => close(server, open),
  };
}

interface Open {
  readonly responses: Set<object>;
  /** The sockets below TLS, where there is TLS. */
  readonly connections: Set<Socket>;
}

function track(server: Server, layers: Omit<Layers, "reset">): Open {
  const open: Open = { responses: new Set(), connections: new Set() };
  server.on("connection", (socket) => {
    open.connections.add(socket);
    socket.once("close", () => open.connections.delete(socket));
  });
  // A TLS socket cannot be reset, the one below it can; they share the client's port.
  const reset = ({ remotePort }: Socket) => {
    for (const connection of open.connections) {
      if (connection.remotePort === remotePort) {
        connection.resetAndDestroy();
      }
    }
  };
  server.on("request", (request, response) => {
    open.responses.add(response);
    response.once("close", () => open.responses.delete(response));
    // A client that goes away is not this process's misfortune.
    request.on("error", () => undefined);
    void listener({ ...layers, reset }, request, response);
  });
  return open;
}

function listen(server: Server, { host = "127.0.0.1", port = 0 }: RegistryOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}

function close(server: Server, { connections }: Open): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Those too that have not got as far as a request, or a TLS handshake.
    for (const connection of connections) {
      connection.destroy();
    }
  });
}
