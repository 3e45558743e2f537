/**
 * One answered request: what the access log writes, and what `onDecision` gets. It never holds credentials, and never the query of a
 * URL.
 */
export interface DecisionRecord {
  /** As the client sent it: `GET`, `PUT`, ... */
  readonly method: string;
  /** Path of the URL, without the query. */
  readonly path: string;
  /** `manifest`, `blob`, `uploads`, `tags`, ...: the row of the route table; `other` for what is no path of a registry. */
  readonly route: string;
  /** `team/app`; absent where the request is about no repository. */
  readonly repository?: string;
  /**
   * Status of the response. 499 if the client left before there was one; 500 if another part of the application answered in the
   * router's place, whatever status that sent.
   */
  readonly status: number;
  /** Whether the client got the whole response of the router. */
  readonly complete: boolean;
  /** Name of the upstream that answered, or `router`. */
  readonly upstream: string;
  /** Why, in one line, as in `X-Combined-Registry`. For people: the wording may change in any release. */
  readonly reason: string;
  /** Milliseconds from the request's arrival at the router to the end of the response, with one decimal. */
  readonly durationMs: number;
  /** Bytes of the response's body. */
  readonly bytesToClient: number;
  /** Bytes of the request's body that were forwarded. */
  readonly bytesFromClient: number;
  /** IP address of the client; behind load balancers of `trustProxy`, the address that they forward. */
  readonly client: string;
  /** As `authorize` named the user; absent without one. */
  readonly user?: string;
  /** `User-Agent` of the request; absent without one. */
  readonly userAgent?: string;
}

/** An answered request, with data for observers inside the router. */
export interface Answered {
  readonly record: DecisionRecord;
  /** The request's target with its query: a mount names its other repository there. */
  readonly target: string;
  /** Whether the rules and `authorize` let the request through. */
  readonly authorized: boolean;
  /** An error for the log; undefined without one. */
  readonly problem: unknown;
  /** The status that another part of the application sent in the router's place; undefined if none did. */
  readonly foreignStatus: number | undefined;
}
