/** An error answer: a status, and the code and the words of its only error (distribution-spec 1.1, "Error codes"). */
export interface ErrorAnswer {
  /** The status. */
  readonly status: number;
  /** The code: `DENIED`, `NAME_UNKNOWN`, or one of the registry's own. */
  readonly code: string;
  /** The words. `{name}`, `{project}` and `{repository}` stand for the repository name and its first two components. */
  readonly message: string;
  /** Headers of the answer. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A kind of request that a registry may redirect. */
export type RedirectedKind = "base" | "manifest" | "blob" | "tags" | "referrers";

/** Redirects GET, and HEAD if `methods` says so, of some kinds of requests. */
export interface RedirectOptions {
  /** What is redirected. */
  readonly of: readonly RedirectedKind[];
  /** The methods that are redirected. @default ["GET"] */
  readonly methods?: readonly string[];
  /** The status. @default 307 */
  readonly status?: number;
  /**
   * Where it leads. `own`: to a path of the registry, in a `Location` without a host. `elsewhere`: to another host, which `startRegistry` starts
   * as well and which shares the registry's content.
   * @default "elsewhere"
   */
  readonly to?: "own" | "elsewhere";
  /**
   * The path. `{name}`, `{project}`, `{repository}`, `{digest}` and `{target}`, the requested path itself, are filled in.
   * @default "{target}"
   */
  readonly path?: string;
}

/** How a registry behaves apart from its content. The profiles of `like` are sets of these; each can also be given alone. */
export interface BehaviourOptions {
  /** Headers of every answer of the registry, `Set-Cookie` among them. @default {} */
  readonly headers?: Readonly<Record<string, string>>;

  /**
   * The path of upload sessions. `{name}`, `{project}`, `{repository}` and `{id}` are filled in. A path outside `/v2/` needs no credentials,
   * because only a client that was sent there knows it.
   * @default "/v2/{name}/blobs/uploads/{id}"
   */
  readonly uploads?: string;

  /** Redirects of reads. The first one that fits applies. @default [] */
  readonly redirects?: readonly RedirectOptions[];

  /** Answers HEAD of manifests with this status, as older and small registries do (containerd/containerd#6684). @default none: HEAD works */
  readonly headManifests?: 403 | 405 | 501;

  /** The list of tags of an unknown repository: 404, or 200 with `"tags": []` or `"tags": null`. @default "not-found" */
  readonly unknownTags?: "not-found" | "empty" | "null";

  /** The answer to GET of an unknown blob: 404, or 500 with `UNKNOWN`. HEAD is answered in the same way. @default "not-found" */
  readonly unknownBlob?: "not-found" | "error";

  /** The answer to reads of an unknown repository by a user of the registry. @default the usual 404 of each endpoint */
  readonly unknownRepository?: ErrorAnswer;

  /**
   * How many components of a name must exist before a push: 1 for a project as in Harbor, `"all"` for the whole repository as in ECR.
   * `createRepository` makes them exist.
   * @default 0
   */
  readonly mustExist?: number | "all";

  /** The answer to a push to what does not exist, see `mustExist`. @default 404 NAME_UNKNOWN */
  readonly missingProject?: ErrorAnswer;

  /** The answer to credentials that were valid once: a token or a password whose time is over. @default 401 with a challenge, as for wrong ones */
  readonly expired?: ErrorAnswer;

  /** Whether a manifest is refused if a blob or manifest that it refers to is missing. @default true */
  readonly validatesManifests?: boolean;

  /** Refuses every write with 405 UNSUPPORTED. @default false */
  readonly readOnly?: boolean;

  /** Whether there is a catalog. Without it, the answer is 401 if the registry has tokens, else 404. @default true */
  readonly catalog?: boolean;

  /** Reads the tag `sha256-<hex>` as the digest `sha256:<hex>`. @default false */
  readonly digestTags?: boolean;

  /** Compresses manifests, lists and errors with gzip, whatever `Accept-Encoding` says. @default false */
  readonly gzip?: boolean;
}
