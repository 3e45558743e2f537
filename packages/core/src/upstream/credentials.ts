/** What a token is good for: one repository and what is done to it. Undefined stands for `/v2/` itself. */
export interface Scope {
  readonly repository: string;
  readonly actions: "pull" | "pull,push" | "delete" | "pull,push,delete";
}

/** The router's own way of making itself known to one upstream. */
export interface Credentials {
  /**
   * The `Authorization` to send, if any. A promise only while a token has to be fetched.
   * Never rejects: what cannot be had is left out, and the upstream's own refusal follows.
   */
  header(scope: Scope | undefined): string | undefined | Promise<string | undefined>;

  /**
   * The upstream answered 401 with these `WWW-Authenticate` values to a request that carried `sent`.
   * True when `header` now has something new to offer, so that the request is worth repeating once.
   */
  refused(
    challenges: readonly string[],
    sent: string | undefined,
    scope: Scope | undefined,
  ): Promise<boolean>;

  /**
   * Before a request whose body cannot be sent twice. True when nothing is known yet of how the upstream
   * wants to be addressed, so that a bodiless request should go first and its 401 be shown to `refused`.
   */
  needsProbe(): boolean;
}
