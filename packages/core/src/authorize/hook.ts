import type { IncomingMessage } from "node:http";

/** What a request wants to do with a repository. `base` is `/v2/` itself, where clients log in. */
export type Access = "base" | "catalog" | "pull" | "push" | "delete" | "operations";

/** What `authorize` is asked. */
export interface AccessRequest {
  /** Undefined for `base`, `catalog` and `operations`. */
  readonly repository: string | undefined;
  /** What is to be done with it. */
  readonly access: Access;
  /** The client's IP address: its connection's or, behind load balancers of `trustProxy`, what they say. */
  readonly client: string;
}

/** What `authorize` answers. The plain words stand for the objects without details. */
export type AuthorizeResult =
  | "allow"
  | "challenge"
  | "deny"
  /** Go on, as far as the rules let this `user`, who appears in the access log. */
  | {
      /** It may. */
      readonly decision: "allow";
      /** Who it is. @default nobody in particular: `access: ["alice"]` and `"authenticated"` of rules do not let it */
      readonly user?: string;
    }
  /** 401. */
  | {
      /** It is to say who it is. */
      readonly decision: "challenge";
      /** The value of `WWW-Authenticate`. @default `Basic realm="combined-registry", charset="UTF-8"` */
      readonly challenge?: string;
      /** A sentence for the client. @default a general one */
      readonly message?: string;
    }
  /** 403. */
  | {
      /** It may not, whoever it is. */
      readonly decision: "deny";
      /** A sentence for the client. @default a general one */
      readonly message?: string;
    }
  /** 429. */
  | {
      /** It is to wait: too many failed attempts, say. */
      readonly decision: "throttle";
      /** Seconds, for `Retry-After`. */
      readonly retryAfter: number;
      /** A sentence for the client. @default a general one */
      readonly message?: string;
    };

/**
 * How a host application plugs in authentication. Called before any upstream hears of the request, once
 * for each repository that it touches (a cross-repository mount is a push to one and a pull of another), and for a token
 * as for `base`. For the status page it is called with the browser's request for `/`: once for `operations`, then for each repository
 * that the page could name, some hundred at most. Not called for what a rule lets everybody do, unless the request has an `Authorization`. Where some rule does,
 * `Authorization: Basic` in `request.headers` may be what a token of the router's stands for.
 * What it throws is logged and answered 500; it never counts as permission.
 */
export type AuthorizeHook = (
  request: IncomingMessage,
  wanted: AccessRequest,
) => AuthorizeResult | Promise<AuthorizeResult>;
