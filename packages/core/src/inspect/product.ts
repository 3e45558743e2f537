import { parseChallenges } from "../protocol/challenge.ts";
import { errorCodes, saysUnknown } from "../protocol/error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "../protocol/headers.ts";

export interface Trait {
  readonly status: number;
  readonly headers: RawHeaders;
  readonly body: string;
}

export interface Traits {
  readonly anonymous: Trait | undefined;
  readonly base: Trait | undefined;
  /** GET of a manifest by a digest that nothing has. */
  readonly manifest: Trait | undefined;
  /** GET of a list of tags with `n=-1`. */
  readonly tags: Trait | undefined;
  /** GET of the list of extensions. */
  readonly extensions: Trait | undefined;
}

/** The product behind an upstream, as far as its answers show. */
export interface Product {
  /** `CNCF distribution`, `Docker Hub`, ...; `unknown` if no answer shows it. */
  readonly name: string;
  /** `2.x` or `3.x`; undefined if no answer shows it. */
  readonly version?: string;
  /** Whether it is a pull-through cache; undefined if no answer shows it. */
  readonly cache?: boolean;
}

// Both have to match the challenge.
const services: readonly (readonly [name: string, realm: RegExp, service: RegExp])[] = [
  ["Docker Hub", /^https:\/\/auth\.docker\.io\//, /^registry\.docker\.io$/],
  ["GitHub Container Registry", /^https:\/\/ghcr\.io\//, /^ghcr\.io$/],
  ["Quay", /\/v2\/auth$/, /^quay\.io$/],
  ["Harbor", /\/service\/token$/, /^harbor-registry$/],
  ["GitLab", /\/jwt\/auth$/, /^container_registry$/],
  ["Google Artifact Registry", /\/v2\/token$/, /(^|\.)(pkg\.dev|gcr\.io)$/],
  ["Azure Container Registry", /\/oauth2\/token$/, /\.azurecr\.io$/],
  ["Amazon ECR", /\.amazonaws\.com\/?/, /^ecr\.amazonaws\.com$/],
];

/** Detects the product by its responses, never by its address. */
export function detectProduct(traits: Traits): Product {
  return (
    combinedRegistry(traits) ??
    byChallenge(traits.anonymous) ??
    byHeader(traits.base) ??
    byExtensions(traits.extensions) ??
    distribution(traits) ?? { name: "unknown" }
  );
}

function combinedRegistry({ base, anonymous }: Traits): Product | undefined {
  return [base, anonymous].some((one) => one && firstValue(one.headers, "x-combined-registry") !== undefined)
    ? { name: "Combined Registry" }
    : undefined;
}

function byChallenge(anonymous: Trait | undefined): Product | undefined {
  if (anonymous?.status !== 401) {
    return undefined;
  }
  for (const { parameters } of parseChallenges(valuesOf(anonymous.headers, "www-authenticate"))) {
    const realm = parameters.get("realm") ?? "";
    const service = parameters.get("service") ?? "";
    const match = services.find(([, realms, names]) => realms.test(realm) && names.test(service));
    if (match !== undefined) {
      return { name: match[0], cache: false };
    }
  }
  return undefined;
}

function byHeader(base: Trait | undefined): Product | undefined {
  if (base === undefined) {
    return undefined;
  }
  if (/^Nexus\//.test(firstValue(base.headers, "server") ?? "")) {
    return { name: "Sonatype Nexus" };
  }
  return firstValue(base.headers, "x-jfrog-version") === undefined
    ? undefined
    : { name: "JFrog Artifactory" };
}

function byExtensions(extensions: Trait | undefined): Product | undefined {
  return extensions?.status === 200 && /"_zot"/.test(extensions.body) ? { name: "zot" } : undefined;
}

/**
 * distribution's error for an unknown digest has Go's field names in it (`Name`, `Revision`). In proxy mode it is a 500 with that
 * inside, or with an error of Go's `net` while the public registry cannot be reached. Since version 3 it checks `n`.
 */
function distribution({ manifest, tags }: Traits): Product | undefined {
  if (manifest === undefined) {
    return undefined;
  }
  const named = /"Name":"[^"]*","Revision":"sha256:/.test(manifest.body);
  const cache = isCacheAnswer(manifest);
  if (!cache && !(manifest.status === 404 && named)) {
    return undefined;
  }
  const checksN = tags?.status === 400 && errorCodes(tags.body).includes("PAGINATION_NUMBER_INVALID");
  const version = checksN ? "3.x" : tags?.status === 404 ? "2.x" : undefined;
  return { name: "CNCF distribution", cache, ...(version !== undefined && { version }) };
}

function isCacheAnswer({ status, body }: Trait): boolean {
  return status === 500 && errorCodes(body).includes("UNKNOWN") && (saysUnknown(body) || isTrouble(body));
}

/** Whether a cache's error says that it cannot reach its own upstream. */
export function isTrouble(body: string): boolean {
  return errorCodes(body).includes("UNKNOWN") && !saysUnknown(body);
}
