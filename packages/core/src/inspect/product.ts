import { parseChallenges } from "../protocol/challenge.ts";
import { errorCodes, saysUnknown } from "../protocol/error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "../protocol/headers.ts";

/** An answer, as far as products differ in it. */
export interface Trait {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Its text. */
  readonly body: string;
}

/** What a registry has answered; undefined where it has not. */
export interface Traits {
  /** GET `/v2/` without credentials. */
  readonly anonymous: Trait | undefined;
  /** GET `/v2/`. */
  readonly base: Trait | undefined;
  /** GET of a manifest by a digest that nothing has. */
  readonly manifest: Trait | undefined;
  /** GET of a list of tags with `n=-1`. */
  readonly tags: Trait | undefined;
  /** GET of the list of extensions. */
  readonly extensions: Trait | undefined;
}

/** What an upstream is, as far as its answers tell. */
export interface Product {
  /** `CNCF distribution`, `Docker Hub`, ...; `unknown` if no answer says. */
  readonly name: string;
  /** `2.x` or `3.x`, if that can be told. */
  readonly version?: string;
  /** Whether it is a pull-through cache, if that can be told. */
  readonly cache?: boolean;
}

// In what challenges say: the realm's address, or the service.
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

/** Recognises a registry by what it answers, never by its address. */
export function detectProduct(traits: Traits): Product {
  return (
    combinedRegistry(traits) ??
    byChallenge(traits.anonymous) ??
    byHeader(traits.base) ??
    zot(traits.extensions) ??
    distribution(traits) ?? { name: "unknown" }
  );
}

function combinedRegistry({ base, anonymous }: Traits): Product | undefined {
  const is = [base, anonymous].some(
    (one) => one !== undefined && firstValue(one.headers, "x-combined-registry") !== undefined,
  );
  return is ? { name: "Combined Registry" } : undefined;
}

function byChallenge(anonymous: Trait | undefined): Product | undefined {
  if (anonymous?.status !== 401) {
    return undefined;
  }
  for (const { parameters } of parseChallenges(valuesOf(anonymous.headers, "www-authenticate"))) {
    const realm = parameters.get("realm") ?? "";
    const service = parameters.get("service") ?? "";
    const known = services.find(([, address, called]) => address.test(realm) && called.test(service));
    if (known !== undefined) {
      return { name: known[0], cache: false };
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

function zot(extensions: Trait | undefined): Product | undefined {
  return extensions?.status === 200 && /"_zot"/.test(extensions.body) ? { name: "zot" } : undefined;
}

/**
 * distribution says with an unknown digest what Go calls the parts of it, and in proxy mode answers 500 with that inside, or,
 * while its own upstream is away, with what Go's `net` says. From 3 on it checks `n`.
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

/** Whether a cache says that it cannot reach its own upstream. */
export function isTrouble(body: string): boolean {
  return errorCodes(body).includes("UNKNOWN") && !saysUnknown(body);
}
