import { Authentication } from "./http/auth.ts";
import type { ImageDescriptor, ImageOptions } from "./images/image.ts";
import type {
  ActiveFault,
  Credentials,
  Descriptor,
  Fault,
  RecordedRequest,
  RegistryOptions,
} from "./options.ts";
import { withProfile } from "./profiles/profile.ts";
import { startServer } from "./server.ts";
import { Contents, type ManifestOptions } from "./storage/contents.ts";
import { Store } from "./storage/store.ts";

/** The other host of a registry: its object storage, its token service, or the registry that it redirects to. */
export interface OtherHost {
  /** Its URL: `http://127.0.0.1:12346`. */
  readonly url: string;
  /** Host and port. */
  readonly host: string;
  /** All requests that it received, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Switches a fault of this host on. @throws TypeError if the fault does not have exactly one effect */
  fault(fault: Fault): ActiveFault;
}

/** A running registry. `await using registry = await startRegistry()` closes it at the end of the block. */
export interface TestRegistry extends AsyncDisposable {
  /** Its URL: `http://127.0.0.1:12345`. */
  readonly url: string;
  /** Host and port, as in image names: `127.0.0.1:12345`. */
  readonly host: string;

  /** The user who may push, if the registry has one: that of `auth` or of `tokens`. */
  readonly user: Credentials | undefined;
  /** The other host, if the registry redirects there or has its token service there. */
  readonly elsewhere: OtherHost | undefined;

  /** All requests that it received, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Empties `requests`, those of the other host too. */
  clearRequests(): void;

  /** Switches a fault on. @throws TypeError if the fault does not have exactly one effect */
  fault(fault: Fault): ActiveFault;
  /** Switches all faults off. Requests that already hang keep hanging. */
  clearFaults(): void;

  /** Revokes all tokens that were issued so far, and ends the password of `auth` if it has a lifetime. */
  revokeTokens(): void;
  /** Replaces the password of `auth`, and begins its lifetime anew. The former one has expired. */
  replacePassword(password: string): void;

  /** Creates an empty repository, and with it the projects in its name. */
  createRepository(name: string): void;

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
export async function startRegistry(given: RegistryOptions = {}): Promise<TestRegistry> {
  const options = withProfile(given);
  const store = new Store();
  const authentication = new Authentication();
  const other = needsOtherHost(options)
    ? await startServer(otherOptions(options), store, authentication)
    : undefined;
  const main = await startServer(options, store, authentication, other?.url).catch(async (error: unknown) => {
    await other?.close();
    throw error;
  });
  const user = options.auth ?? options.tokens?.user;
  const close = async () => {
    await Promise.all([main.close(), other?.close()]);
  };
  return {
    ...contentOf(store),
    url: main.url,
    host: main.host,
    user: user && { username: user.username, password: user.password },
    elsewhere: other,
    get requests() {
      return main.requests;
    },
    clearRequests() {
      main.clearRequests();
      other?.clearRequests();
    },
    fault: main.fault,
    clearFaults: main.clearFaults,
    revokeTokens: () => authentication.revoke(),
    replacePassword: (password) => authentication.replacePassword(options.auth, password),
    get openResponses() {
      return main.openResponses;
    },
    get openConnections() {
      return main.openConnections;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Content = Pick<
  TestRegistry,
  | "addBlob"
  | "addGeneratedBlob"
  | "addManifest"
  | "addImage"
  | "createRepository"
  | "hasBlob"
  | "hasManifest"
  | "tags"
  | "manifest"
>;

function contentOf(store: Store): Content {
  const contents = new Contents(store);
  return {
    addBlob: (repository, content) => contents.addBlob(repository, content),
    addGeneratedBlob: (repository, generated) => contents.addGeneratedBlob(repository, generated),
    addManifest: (repository, manifest, manifestOptions) =>
      contents.addManifest(repository, manifest, manifestOptions),
    addImage: (repository, imageOptions) => contents.addImage(repository, imageOptions),
    createRepository: (name) => void store.open(name),
    hasBlob: (repository, digest) => store.get(repository)?.blobs.has(digest) ?? false,
    hasManifest: (repository, reference) => store.get(repository)?.find(reference) !== undefined,
    tags: (repository) => [...(store.get(repository)?.tags.keys() ?? [])].sort(),
    manifest: (repository, reference) => store.get(repository)?.find(reference)?.bytes,
  };
}

function needsOtherHost({ redirects = [], referrers, tokens }: RegistryOptions): boolean {
  const leadsThere = redirects.some(({ to = "elsewhere" }) => to === "elsewhere");
  return leadsThere || referrers === "redirect" || tokens?.realm === "elsewhere";
}

/** The other host serves the same content to everyone, and redirects nothing. Its tokens are the registry's. */
function otherOptions({ tls, host, tokens, referrers }: RegistryOptions): RegistryOptions {
  return {
    ...(tls !== undefined && { tls }),
    ...(host !== undefined && { host }),
    ...(tokens !== undefined && { tokens }),
    ...(typeof referrers === "boolean" && { referrers }),
  };
}
