import { type CombinedRegistryHandler, createCombinedRegistryHandler } from "@combined-registry/core";
import type { ServeConfig } from "../load-config.ts";

/**
 * Looks at a configuration with the router that it makes, which serves nobody.
 * @param look what to do with the router; it is closed afterwards
 */
export async function inspect<T>(
  { router, auth }: ServeConfig,
  look: (handler: CombinedRegistryHandler) => Promise<T>,
): Promise<T> {
  // Nobody asks, so nobody is let in; but that somebody judges users is part of what is looked at.
  const authorize = auth === undefined ? {} : { authorize: () => "deny" as const };
  const handler = createCombinedRegistryHandler({ ...router, ...authorize });
  try {
    return await look(handler);
  } finally {
    await handler.close();
  }
}
