import type { Logger } from "@combined-registry/core";

/** What a router logged. */
export interface Logged {
  readonly logger: Logger;
  /** Fields of the warnings, with what each says as `message`. */
  readonly warnings: object[];
}

/** A logger that keeps the warnings. */
export function keptWarnings(): Logged {
  const warnings: object[] = [];
  const ignore = () => undefined;
  return {
    warnings,
    logger: {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (fields, message) => void warnings.push({ ...fields, message }),
    },
  };
}
