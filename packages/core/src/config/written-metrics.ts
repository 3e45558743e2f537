/** Choices for `/metrics`. */
export interface MetricsConfig {
  /** Add Node's process metrics (`process_*`, `nodejs_*`): for a process that is the router's own. @default false */
  process?: boolean;

  /**
   * What `/metrics` answers in place of this process's own metrics: for a program of several processes behind one port, of
   * which any may be asked. `aggregateMetrics` makes it out of what each has in `handler.metrics`.
   */
  page?: () => Promise<string>;
}
