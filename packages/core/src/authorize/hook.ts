import type { IncomingMessage } from "node:http";

/**
 * The access that a request needs. `base` is `/v2/` itself, where clients log in. `operations` is the health pages, the metrics and the
 * status page.
 */
export type Access = "base" | "catalog" | "pull" | "push" | "delete" | "operations";

/** The question to `authorize`. */
export interface AccessRequest {
  /** Undefined for `base`, `catalog` and `operations`. */
  readonly repository: string | undefined;
  /** The access that the request needs. */
  readonly access: Access;
  /** IP address of the client: that of its connection or, behind load balancers of `trustProxy`, the address that they name. */
  readonly client: string;
}

/** The answer of `authorize`. The plain words stand for the objects without details. */
export type AuthorizeResult =
  | "allow"
  | "challenge"
  | "deny"
  /** Continue, if the rules allow this `user`. The access log contains the user. */
  | {
      /** The client may continue. */
      readonly decision: "allow";
      /** Name of the user. @default none: rules with `access: ["alice"]` or `"authenticated"` then refuse the request */
      readonly user?: string;
    }
  /** 401. */
  | {
      /** The client has to log in. */
      readonly decision: "challenge";
      /** The value of `WWW-Authenticate`. @default `Basic realm="combined-registry", charset="UTF-8"` */
      readonly challenge?: string;
      /** A sentence for the client, the access log and `X-Combined-Registry`. @default a general one */
      readonly message?: string;
    }
  /** 403. */
  | {
      /** The client may not continue. */
      readonly decision: "deny";
      /** A sentence for the client, the access log and `X-Combined-Registry`. @default a general one */
      readonly message?: string;
    }
  /** 429. */
  | {
      /** The client has to wait, for example after too many failed attempts. */
      readonly decision: "throttle";
      /** Seconds, sent as `Retry-After`. */
      readonly retryAfter: number;
      /** A sentence for the client, the access log and `X-Combined-Registry`. @default a general one */
      readonly message?: string;
    };

/**
 * The authentication of a host application. The router calls it before it asks any upstream.
 *
 * - It is called once for each repository that the request touches. A cross-repository mount is a push to one repository and a pull from
 *   another one. A request for a token is `base`.
 * - For the status page it gets the browser's request for `/`: once for `operations`, then once for each repository that the page could
 *   name, about a hundred at most.
 * - It is not called if a rule allows the access to `anonymous` clients, unless the request has an `Authorization` header.
 * - If some rule has `anonymous`, clients may send a token that the router has issued. `request.headers` then has the
 *   `Authorization: Basic` that the token stands for.
 * - If it throws or rejects, the error is logged and the client gets 500. An error never counts as permission.
 */
export type AuthorizeHook = (
  request: IncomingMessage,
  wanted: AccessRequest,
) => AuthorizeResult | Promise<AuthorizeResult>;
