/**
 * Options for `http.createServer` (or `https`) that suit a registry. Node's defaults would cut long pushes and
 * refuse large tokens.
 * @example
 * ```ts
 * http.createServer(serverOptions, createCombinedRegistryHandler(config)).listen(5000);
 * ```
 */
export const serverOptions = {
  /** No limit: an upload may take hours. The router limits the time without progress instead (`limits.clientIdle`). */
  requestTimeout: 0,
  /** Milliseconds for a request's headers, from the start of the connection. Clients that send none are disconnected. */
  headersTimeout: 30_000,
  /** Milliseconds between checks for such clients. Node's default of 30 s would let them stay twice as long. */
  connectionsCheckingInterval: 5_000,
  /** Milliseconds. Longer than load balancers keep theirs (60 s), so that they never write to a connection being closed. */
  keepAliveTimeout: 75_000,
  /** Bytes. Tokens of some identity providers exceed Node's 16 KiB. */
  maxHeaderSize: 64 * 1024,
} as const;
