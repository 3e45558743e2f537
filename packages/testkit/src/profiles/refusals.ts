import type { Fault } from "../options.ts";

const reads = { method: ["GET", "HEAD"], path: /\/manifests\// };
const writes = { method: ["POST", "PUT", "PATCH"] };

/** Refusals in the words of some products. */
export interface Refusals {
  /** Harbor (goharbor/harbor#13825, #19408). */
  readonly harbor: {
    /** 412 to reads: a policy stops pulls of vulnerable images. */
    readonly vulnerable: Fault;
    /** 412 to reads: a policy stops pulls of images that are not signed. */
    readonly unsigned: Fault;
    /** 403 to writes: the quota of the project is full. */
    readonly quota: Fault;
  };
  /** Artifactory. */
  readonly artifactory: {
    /** 403 to reads: Xray blocks the image. */
    readonly blocked: Fault;
  };
  /** The law (RFC 7725). */
  readonly legal: {
    /** 451 to reads. */
    readonly unavailable: Fault;
  };
}

/**
 * Refusals with the words of some products, to switch on with `registry.fault`.
 * @example
 * ```ts
 * registry.fault(refusals.harbor.vulnerable);
 * ```
 */
export const refusals: Refusals = {
  harbor: {
    vulnerable: {
      ...reads,
      ...error(
        412,
        "PROJECTPOLICYVIOLATION",
        "current image with 4 vulnerabilities cannot be pulled due to configured policy in 'Prevent images with vulnerability severity of \"Critical\" or higher from running.'",
      ),
    },
    unsigned: {
      ...reads,
      ...error(412, "PROJECTPOLICYVIOLATION", "The image is not signed by cosign."),
    },
    quota: {
      ...writes,
      ...error(
        403,
        "DENIED",
        "adding 12.0 MiB of storage resource, which when updated to current usage of 1.0 GiB will exceed the configured upper limit of 1.0 GiB.",
      ),
    },
  },
  artifactory: {
    blocked: {
      ...reads,
      ...error(
        403,
        "DENIED",
        "Artifact download request rejected: the image was not downloaded due to the download blocking policy configured in Xray.",
      ),
    },
  },
  legal: {
    unavailable: { ...reads, ...error(451, "DENIED", "This image is not available in your country.") },
  },
};

function error(status: number, code: string, message: string) {
  return {
    status,
    headers: { "Content-Type": "application/json" },
    body: { errors: [{ code, message, detail: null }] },
  };
}
