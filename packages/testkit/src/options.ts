/** How a registry in the process behaves. */
export interface RegistryOptions {
  /** Makes it a pull-through cache of the registry at this URL; writes are refused then (405 UNSUPPORTED). */
  readonly upstream?: string | URL;

  /**
   * How an unknown manifest digest is answered: 404, or as a cache of CNCF distribution 2.8 or 3.x does, with 500 and the
   * real error in the detail.
   * @default "not-found", for a cache "distribution-2"
   */
  readonly unknownManifestDigest?: "not-found" | "distribution-2" | "distribution-3";

  /** Whether it has the referrers API; without it, 404 in plain text. @default true, for a cache false */
  readonly referrers?: boolean;

  /**
   * How tags and catalog are listed. `sorted`: as CNCF distribution 3 does, with `n` and `last`; `case-insensitive`: the same in
   * another order; `whole`: in the order in which they were added, whatever `n` and `last` say, as distribution 2.8 lists tags;
   * `cursor`: in that order, at most 100 to a page, with a cursor of its own in `Link`. @default "sorted"
   */
  readonly lists?: "sorted" | "case-insensitive" | "whole" | "cursor";

  /** Whether deletes are permitted (else 405). @default true */
  readonly deletes?: boolean;

  /** Asks for this user with Basic authentication. */
  readonly auth?: Credentials;

  /**
   * Asks for Bearer tokens, as Docker Hub does, and gives them out at `/token` to anybody, for pulling repositories that
   * exist; an unknown repository is answered 401. `user` may push as well.
   */
  readonly tokens?: TokenOptions;

  /** Limits pulls, as Docker Hub does. */
  readonly rateLimit?: RateLimitOptions;

  /** `Location` of uploads: relative, or built from `X-Forwarded-*` and `Host` as distribution does. @default "relative" */
  readonly locations?: "relative" | "absolute";

  /** Sends blob downloads elsewhere with 307: to another such registry's `/storage/<digest>`, say. */
  readonly redirectBlobs?: string | URL;

  /** Keeps of uploaded blobs only digest and size: for pushes larger than memory. @default false */
  readonly discardUploads?: boolean;

  /** Serves HTTPS. PEM. */
  readonly tls?: {
    /** The private key. */
    readonly key: string;
    /** The certificate, with those between it and whoever is trusted. */
    readonly cert: string;
  };

  /** Where to listen. @default "127.0.0.1" */
  readonly host?: string;

  /** Where to listen. @default 0, any free port */
  readonly port?: number;
}

/** A user of a registry. */
export interface Credentials {
  /** Without a colon, which would end it (RFC 7617). */
  readonly username: string;
  /** In plain text. */
  readonly password: string;
}

/** How tokens are given out. */
export interface TokenOptions {
  /** May push and delete too. */
  readonly user?: Credentials;
  /** Seconds that a token is good for. @default 300 */
  readonly lifetime?: number;
  /**
   * How the token endpoint wants to be asked: with GET and Basic (distribution's token specification), with a POST of a form
   * (its OAuth2 specification), or either way. What it does not want is answered 405. @default "both"
   */
  readonly method?: "GET" | "POST" | "both";
  /**
   * Under which host name challenges name the token endpoint: the one that the client uses, as told in `X-Forwarded-Host`; or
   * the registry's own, whatever is forwarded, as with Docker Hub. @default "forwarded"
   */
  readonly realm?: "forwarded" | "own";
  /** Whether those who are not `user` get tokens; if not, the token endpoint answers them 401. @default true */
  readonly anonymous?: boolean;
}

/**
 * How many manifests may be fetched. `RateLimit-Limit` and `RateLimit-Remaining` are on every answer to GET and HEAD of a
 * manifest; HEAD is free. Beyond: 429 TOOMANYREQUESTS with `Retry-After`.
 */
export interface RateLimitOptions {
  /** Manifests that may be fetched within `window`, by all clients together. */
  readonly pulls: number;
  /** Seconds after which the count begins anew. @default 21600 */
  readonly window?: number;
  /** Seconds in `Retry-After`. @default `window` */
  readonly retryAfter?: number;
}

/** Something that goes wrong. Exactly one effect; the newest fault that fits a request applies. */
export interface Fault {
  /** Only requests of this method, or one of these. */
  readonly method?: string | readonly string[];
  /** Only requests whose target, query included, is this or matches this. */
  readonly path?: string | RegExp;
  /** How often; then it is over. @default always */
  readonly times?: number;

  /** Answers this status. */
  readonly status?: number;
  /** With `status`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** With `status`: text, or what is sent as JSON. */
  readonly body?: string | object;

  /** Answers as usual after so many milliseconds. */
  readonly delay?: number;
  /** Takes the request and never answers. */
  readonly hang?: true;
  /** Resets the connection. */
  readonly reset?: true;
  /** Answers as usual, and closes the connection after so many bytes of the body. */
  readonly cutAt?: number;
  /** Answers as usual, and sends nothing more after so many bytes of the body. */
  readonly stallAt?: number;
}

/** A fault that is switched on. */
export interface ActiveFault {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Switches it off. */
  remove(): void;
}

/** A request as the registry saw it. */
export interface RecordedRequest {
  /** `GET`, `PUT`, ... */
  readonly method: string;
  /** The target exactly as received. */
  readonly url: string;
  /** The target without query. */
  readonly path: string;
  /** By name, in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** Of the answer; undefined while there is none. */
  readonly status: number | undefined;
  /** How much of the request's body has arrived. */
  readonly bodyBytes: number;
}

/** A reference to content (image-spec 1.1, "Descriptor"). */
export interface Descriptor {
  /** What kind of content it is. */
  readonly mediaType: string;
  /** Algorithm and hexadecimal digits: `sha256:...`. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Of a manifest: what kind of artifact it is. */
  readonly artifactType?: string;
  /** What else its makers say of it. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of a manifest in an index: what the image runs on. */
  readonly platform?: {
    /** `linux`, as Go calls it. */
    readonly os: string;
    /** `amd64`, as Go calls it. */
    readonly architecture: string;
  };
}
