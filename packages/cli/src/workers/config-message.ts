import type { AuthorizeHook } from "@combined-registry/core";
import { loadScript } from "../config/script.ts";
import { misuse, property } from "../failure.ts";
import type { LoadedConfig } from "../lifecycle/loaded-config.ts";

/** A configuration as the primary sends it to workers. */
export interface ConfigMessage {
  /** Without functions, which cannot be cloned, and without what only the primary needs. */
  readonly loaded: LoadedConfig;
  /** The script that exports the configuration's `authorize`, if it has one. */
  readonly authorizeScript: string | undefined;
}

/**
 * Makes a configuration that can be sent. Workers do not read the files themselves: all of them get the same configuration, even
 * if a file changes meanwhile.
 * @param via the name that all workers use if the configuration has none: with a name each, a request that comes back to another
 *   worker would not be recognised as a loop
 */
export function serializeConfig({ config, tls, htpasswd }: LoadedConfig, via: string): ConfigMessage {
  const { authorize, ...router } = config.router;
  return {
    loaded: {
      config: { ...config, router: { via, ...router }, options: {}, file: undefined, warnings: [] },
      tls,
      // The primary has already warned of repeated users.
      htpasswd: htpasswd && { ...htpasswd, repeated: [] },
    },
    // With `auth`, the router has a placeholder, and each worker makes the hook from the users.
    authorizeScript: authorize === undefined || config.auth !== undefined ? undefined : config.file?.path,
  };
}

/**
 * Restores the configuration, with the function that could not be sent.
 * @throws Failure if the script no longer exports `authorize`; or what the script throws
 */
export async function deserializeConfig({ loaded, authorizeScript }: ConfigMessage): Promise<LoadedConfig> {
  if (authorizeScript === undefined) {
    return loaded;
  }
  const authorize = property(await loadScript(authorizeScript), "authorize");
  if (!isHook(authorize)) {
    throw misuse(`${authorizeScript}: authorize: expected a function, as there was when the primary read it`);
  }
  const { config } = loaded;
  return { ...loaded, config: { ...config, router: { ...config.router, authorize } } };
}

function isHook(value: unknown): value is AuthorizeHook {
  return typeof value === "function";
}
