import type { RegistryOptions, TokenOptions } from "../options.ts";
import { cloudProfiles } from "./cloud.ts";
import { openSourceProfiles } from "./open-source.ts";
import { privateProfiles } from "./private.ts";
import { publicProfiles } from "./public.ts";

/** How registries of one make behave, as options of `startRegistry`. */
export interface Profile extends Omit<RegistryOptions, "like" | "upstream" | "host" | "port" | "tls"> {
  /** Options of `tokens` for a registry whose options switch tokens on, which the make does not do by itself. */
  readonly tokenDefaults?: TokenOptions;
}

/** A make of registries that `startRegistry` can behave as. */
export type ProfileName =
  | "acr"
  | "artifact-registry"
  | "artifactory"
  | "crane"
  | "distribution"
  | "distribution-3"
  | "dockerhub"
  | "ecr"
  | "gcr"
  | "ghcr"
  | "gitlab"
  | "harbor"
  | "k8s"
  | "mcr"
  | "nexus"
  | "ocimem"
  | "olareg"
  | "quay"
  | "serverless-registry"
  | "zot";

/** The profiles by name, to look at. Their sources stand with each of them. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  ...cloudProfiles,
  ...publicProfiles,
  ...privateProfiles,
  ...openSourceProfiles,
};

/**
 * The options of a registry with those of its profile beneath. `tokens` and `auth` are merged field by field.
 * @throws RangeError if there is no such profile
 */
export function withProfile(options: RegistryOptions): RegistryOptions {
  if (options.like === undefined) {
    return options;
  }
  if (!Object.hasOwn(profiles, options.like)) {
    const names = Object.keys(profiles).join(", ");
    throw new RangeError(`like: there is no profile ${options.like}; there are ${names}`);
  }
  const { tokenDefaults, ...profile }: Profile = profiles[options.like];
  const beneath = options.tokens === undefined ? profile.tokens : (profile.tokens ?? tokenDefaults);
  const tokens = merged(beneath, options.tokens);
  // The user of a profile is a default: `auth` of the options may name another one.
  const auth = options.auth ?? profile.auth;
  return {
    ...profile,
    // What CNCF distribution says in front of another registry is not what it says of its own content.
    ...(options.upstream !== undefined && {
      unknownManifestDigest: cacheStyle(options.like),
      referrers: false,
    }),
    ...options,
    ...(tokens !== undefined && { tokens }),
    ...(auth !== undefined && { auth: { ...profile.auth, ...auth } }),
  };
}

function merged<Value extends object>(
  beneath: Value | undefined,
  above: Value | undefined,
): Value | undefined {
  return beneath === undefined || above === undefined ? (above ?? beneath) : { ...beneath, ...above };
}

function cacheStyle(name: ProfileName): "distribution-2" | "distribution-3" | "not-found" {
  if (name === "distribution") {
    return "distribution-2";
  }
  return name === "distribution-3" ? "distribution-3" : "not-found";
}
