import type { AuthorizeHook } from "@combined-registry/core";
import { loadScript } from "../config/script.ts";
import { misuse, property } from "../failure.ts";
import type { Prepared } from "../lifecycle/loaded-config.ts";
import type { Parcel } from "./rpc.ts";

/**
 * Makes a configuration ready to be sent. Workers do not read it themselves: all have the same, whatever becomes of its files
 * in the meantime.
 * @param via the name that all workers go by if the configuration has none, or requests that come back would not be recognised
 */
export function packParcel({ config, tls, htpasswd }: Prepared, via: string): Parcel {
  const { authorize, ...router } = config.router;
  return {
    prepared: {
      config: { ...config, router: { via, ...router }, options: {}, file: undefined, warnings: [] },
      tls,
      // What is to be warned of in it, the primary has said once.
      htpasswd: htpasswd && { ...htpasswd, repeated: [] },
    },
    // With users, there is a stand-in for what is made of them.
    authorizeIn: authorize === undefined || config.auth !== undefined ? undefined : config.file?.path,
  };
}

/**
 * The configuration as it was, with the function that could not be sent.
 * @throws Failure if its script does not have it any more; whatever the script throws
 */
export async function unpackParcel({ prepared, authorizeIn }: Parcel): Promise<Prepared> {
  if (authorizeIn === undefined) {
    return prepared;
  }
  const authorize = property(await loadScript(authorizeIn), "authorize");
  if (!isHook(authorize)) {
    throw misuse(`${authorizeIn}: authorize: expected a function, as there was when the primary read it`);
  }
  const { config } = prepared;
  return { ...prepared, config: { ...config, router: { ...config.router, authorize } } };
}

function isHook(value: unknown): value is AuthorizeHook {
  return typeof value === "function";
}
