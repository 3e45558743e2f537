import { type CombinedRegistryHandler, createCombinedRegistryHandler } from "@combined-registry/core";
import type { ServeConfig } from "../load-config.ts";

/**
 * Creates a router that serves no clients, to inspect its configuration.
 * @param look uses the router, which is closed afterwards
 */
export async function inspect<T>(
  { router, auth }: ServeConfig,
  look: (handler: CombinedRegistryHandler) => Promise<T>,
): Promise<T> {
  // There are no clients, so nothing is ever authorized. But whether there is a hook is part of the inspection.
  const authorize = auth === undefined ? {} : { authorize: () => "deny" as const };
  const handler = createCombinedRegistryHandler({ ...router, ...authorize });
  try {
    return await look(handler);
  } finally {
    await handler.close();
  }
}
