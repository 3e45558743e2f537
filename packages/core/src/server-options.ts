/**
 * Options of `http.createServer` and `https.createServer` for a registry. Node's defaults end long pushes and refuse large tokens.
 * @example
 * ```ts
 * http.createServer(serverOptions, createCombinedRegistryHandler(config)).listen(5000);
 * ```
 */
export const serverOptions = {
  /** No limit: an upload may take hours. The router limits the time without progress instead (`limits.clientIdle`). */
  requestTimeout: 0,
  /** Milliseconds to receive the headers of a request, counted from the opening of the connection. Then the connection is closed. */
  headersTimeout: 30_000,
  /** Milliseconds between two checks for such connections. With Node's default of 30 s they could stay open twice as long. */
  connectionsCheckingInterval: 5_000,
  /** Milliseconds. Load balancers close idle connections after 60 s. This is longer, so that they do not use a connection that is closing. */
  keepAliveTimeout: 75_000,
  /** Bytes. Tokens of some identity providers are larger than Node's default of 16 KiB. */
  maxHeaderSize: 64 * 1024,
} as const;
