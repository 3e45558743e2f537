/** The part of a logger that the router uses; pino's fits. */
export interface Logger {
  /** What only somebody who looks for a cause wants to know. */
  debug(fields: object, message: string): void;
  /** Each request, and what changes. */
  info(fields: object, message: string): void;
  /** What works, but should not go on like this. */
  warn(fields: object, message: string): void;
  /** What does not work. */
  error(fields: object, message: string): void;
}
