import type { BehaviourOptions, ErrorAnswer } from "./behaviour.ts";
import type { ProfileName } from "./profiles/profile.ts";

/** Options of `startRegistry`. */
export interface RegistryOptions extends BehaviourOptions {
  /**
   * Behaves as a registry of this make: its tokens, challenges, redirects, upload addresses and refusals. Each other option overrides what the
   * profile says; `tokens` and `auth` do so field by field.
   * @default none: a plain registry
   * @example "ghcr"
   */
  readonly like?: ProfileName;

  /** Makes the registry a pull-through cache of the registry at this URL. It then refuses writes (405 UNSUPPORTED). @default none */
  readonly upstream?: string | URL;

  /**
   * The answer to an unknown manifest digest. `not-found`: 404. The others answer 500, with the real error in the detail, as a cache of CNCF
   * distribution 2.8 or 3.x does.
   * @default "not-found", for a cache "distribution-2"
   */
  readonly unknownManifestDigest?: "not-found" | "distribution-2" | "distribution-3";

  /**
   * Whether the registry has the referrers API. Without it, the answer is 404 in plain text. `redirect`: 303 to a page of another host that is
   * not there, as ghcr.io does.
   * @default true, for a cache false
   */
  readonly referrers?: boolean | "redirect";

  /**
   * The order and the pages of tags and of the catalog.
   * - `sorted`: with `n` and `last`, as CNCF distribution 3 does;
   * - `case-insensitive`: the same, but the order ignores case;
   * - `whole`: all names in the order in which they were added. It ignores `n` and `last`, as distribution 2.8 does for tags;
   * - `cursor`: in the same order as `whole`, at most 100 names a page, with a cursor in `Link`.
   * @default "sorted"
   */
  readonly lists?: "sorted" | "case-insensitive" | "whole" | "cursor";

  /** Whether the registry allows deletes. If not, it answers 405. `digests`: not of tags, which it answers 400 as distribution 2.8. @default true */
  readonly deletes?: boolean | "digests";

  /** Requires this user, with Basic authentication. The password may end after a while, as in ECR. @default none */
  readonly auth?: BasicOptions;

  /**
   * Requires Bearer tokens, as Docker Hub does. Every client gets a token from `/token` to pull repositories that exist. A request for an
   * unknown repository is answered 401. `user` may also push.
   * @default none
   */
  readonly tokens?: TokenOptions;

  /** Limits pulls, as Docker Hub does. @default none */
  readonly rateLimit?: RateLimitOptions;

  /** The `Location` of uploads: a relative URL, or an absolute one built from `X-Forwarded-*` and `Host`, as distribution does. @default "relative" */
  readonly locations?: "relative" | "absolute";

  /** Redirects blob downloads with 307 to `/storage/<digest>` at this URL, which another test registry may serve. @default none */
  readonly redirectBlobs?: string | URL;

  /** Keeps only digest and size of uploaded blobs, for pushes larger than memory. @default false */
  readonly discardUploads?: boolean;

  /** Serves HTTPS with this key and certificate (PEM). @default none: HTTP */
  readonly tls?: {
    /** The private key. */
    readonly key: string;
    /** The certificate, followed by its intermediate certificates. */
    readonly cert: string;
  };

  /** The address to listen on. @default "127.0.0.1" */
  readonly host?: string;

  /** The port to listen on. @default 0, any free port */
  readonly port?: number;
}

/** A user of a registry. */
export interface Credentials {
  /** The user name. It cannot contain a colon, because a colon ends the name in Basic authentication (RFC 7617). */
  readonly username: string;
  /** The password in plain text. */
  readonly password: string;
}

/** A user of Basic authentication, and how the registry asks for one. */
export interface BasicOptions extends Credentials {
  /** Lifetime of the password from the start of the registry, in seconds. `replacePassword` begins a new one. @default no end */
  readonly lifetime?: number;
  /** The challenge, in `WWW-Authenticate`. @default 'Basic realm="testkit"' */
  readonly challenge?: string;
}

/** How the registry issues tokens. */
export interface TokenOptions {
  /** The user who may also push and delete. @default none */
  readonly user?: Credentials;
  /** Lifetime of a token, in seconds. @default 300 */
  readonly lifetime?: number;
  /**
   * The requests that the token endpoint accepts: GET with Basic (distribution's token specification), POST of a form (its OAuth2
   * specification), or both. It answers other requests 405.
   * @default "both"
   */
  readonly method?: "GET" | "POST" | "both";
  /**
   * The host name of the token endpoint in challenges. `forwarded`: the name in `X-Forwarded-Host`, which the client uses. `own`: the
   * registry's own name, even if there is an `X-Forwarded-Host`. `elsewhere`: another host, as `auth.docker.io` is, which `startRegistry` starts
   * as well. `relative`: a path without host, as olareg without an external URL.
   * @default "forwarded"
   */
  readonly realm?: "forwarded" | "own" | "elsewhere" | "relative";
  /** The path of the token endpoint. @default "/token" */
  readonly path?: string;
  /** The service in challenges. @default "testkit" */
  readonly service?: string;
  /** The fields of the answer that have the token. @default "both" */
  readonly field?: "token" | "access_token" | "both";
  /** Whether clients without a user get a token if they name no scope. If not, the answer is `refusal`. @default true */
  readonly withoutScope?: boolean;
  /** The token endpoint's answer to clients without a user who may have nothing of what they ask for. @default a token that grants nothing */
  readonly refusal?: ErrorAnswer;
  /** Whether clients without a user get tokens. If not, the token endpoint answers them 401. @default true */
  readonly anonymous?: boolean;
}

/**
 * How many manifests clients may fetch. Every answer to GET and HEAD of a manifest has `RateLimit-Limit` and `RateLimit-Remaining`. HEAD does
 * not count. Beyond the limit, the answer is 429 TOOMANYREQUESTS with `Retry-After`.
 */
export interface RateLimitOptions {
  /** How many manifests all clients together may fetch within `window`. */
  readonly pulls: number;
  /** Seconds after which the count starts again. @default 21600 */
  readonly window?: number;
  /** Value of `Retry-After`, in seconds. @default `window` */
  readonly retryAfter?: number;
}

/** A fault of the registry, with exactly one effect. If several faults match a request, the newest one applies. */
export interface Fault {
  /** Applies only to requests with this method, or with one of these. @default any method */
  readonly method?: string | readonly string[];
  /** Applies only to requests whose target, including the query, equals this text or matches this pattern. @default any target */
  readonly path?: string | RegExp;
  /** How many requests it applies to. Then it ends. @default no limit */
  readonly times?: number;

  /** Effect: answers with this status. */
  readonly status?: number;
  /** Headers of the answer, with `status`. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body of the answer, with `status`: a text, or an object that is sent as JSON. @default none */
  readonly body?: string | object;

  /** Effect: answers as usual after this many milliseconds. */
  readonly delay?: number;
  /** Effect: accepts the request and never answers. */
  readonly hang?: true;
  /** Effect: resets the connection. */
  readonly reset?: true;
  /** Effect: answers as usual, and closes the connection after this many bytes of the body. */
  readonly cutAt?: number;
  /** Effect: answers as usual, and stops sending after this many bytes of the body. */
  readonly stallAt?: number;
}

/** A fault that is switched on. */
export interface ActiveFault {
  /** How many requests the fault has applied to. */
  readonly hits: number;
  /** Switches the fault off. */
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
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Header names and values, alternating, as received. */
  readonly rawHeaders: readonly string[];
  /** Status of the answer; undefined until there is one. */
  readonly status: number | undefined;
  /** Bytes of the request's body that have arrived. */
  readonly bodyBytes: number;
}

/** A reference to content (image-spec 1.1, "Descriptor"). */
export interface Descriptor {
  /** Media type of the content. */
  readonly mediaType: string;
  /** Digest of the content: `sha256:...`. */
  readonly digest: string;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Artifact type, if the content is a manifest with one. */
  readonly artifactType?: string;
  /** Annotations (image-spec 1.1, "Annotations"). */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Platform of the image, if the content is a manifest in an index. */
  readonly platform?: {
    /** Operating system in Go's spelling: `linux`. */
    readonly os: string;
    /** Architecture in Go's spelling: `amd64`. */
    readonly architecture: string;
  };
}
