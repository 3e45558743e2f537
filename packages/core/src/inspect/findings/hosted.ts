import { errorCodes } from "../../protocol/error-body.ts";
import type { Finding } from "../check-report.ts";
import type { Inspection } from "../inspection.ts";
import { type Probe, textOf } from "../probe.ts";
import { isTrouble } from "../product.ts";

/** Whether hosted deletes what it is told to: it knows nothing of what it was asked to delete, or it refuses to delete at all. */
export function deletesAt({ deletion }: Pick<Inspection, "deletion">): boolean | undefined {
  const status = statusOf(deletion);
  if (status === 405) {
    return false;
  }
  return status === 404 || status === 202 ? true : undefined;
}

/** Whether hosted has the referrers API, which says of what it does not know so in OCI's words, or that nothing refers to it. */
export function referrersAt({ referrers }: Pick<Inspection, "referrers">): boolean | undefined {
  if (referrers === undefined || referrers.failure !== undefined) {
    return undefined;
  }
  if (referrers.status === 200) {
    return true;
  }
  if (referrers.status !== 404) {
    return undefined;
  }
  return errorCodes(textOf(referrers)).some((code) => code === "NAME_UNKNOWN" || code === "MANIFEST_UNKNOWN");
}

/** What hosted has to be able to. */
export function hosted(survey: Inspection): Finding[] {
  const { upstream, product } = survey;
  if (upstream.kind !== "hosted") {
    return [];
  }
  if (product.cache === true) {
    return [
      {
        id: "hosted-is-cache",
        severity: "error",
        where: upstream.name,
        what: "is a pull-through cache, which refuses pushes",
        advice: "give hosted a registry of its own; distribution is one without `proxy` in its configuration",
      },
    ];
  }
  return [...deletes(survey), ...referrers(survey)];
}

function deletes(survey: Inspection): Finding[] {
  const where = survey.upstream.name;
  const can = deletesAt(survey);
  const status = statusOf(survey.deletion);
  if (can === undefined) {
    // Where it did not answer, or does not know who asks, that is what is wrong.
    return status === undefined || status === 401
      ? []
      : [
          {
            id: "deletes-unknown",
            severity: "hint",
            where,
            what: `whether it deletes cannot be told (answered ${status})`,
          },
        ];
  }
  return [
    can
      ? { id: "deletes", severity: "ok", where, what: "deletes are on" }
      : {
          id: "deletes-off",
          severity: "hint",
          where,
          what: "deletes are off (405)",
          advice: "for distribution, REGISTRY_STORAGE_DELETE_ENABLED=true switches them on",
        },
  ];
}

function referrers(survey: Inspection): Finding[] {
  const where = survey.upstream.name;
  const can = referrersAt(survey);
  if (can === undefined) {
    return [];
  }
  return [
    can
      ? { id: "referrers", severity: "ok", where, what: "has the referrers API" }
      : {
          id: "referrers-missing",
          severity: "hint",
          where,
          what: "has no referrers API",
          advice: "nothing has to be done: the router keeps the lists of them under sha256-... tags there",
        },
  ];
}

function statusOf(said: Probe | undefined): number | undefined {
  return said === undefined || said.failure !== undefined ? undefined : said.status;
}

/** The part of a survey that tells of a proxy. */
export interface ProxySurvey extends Pick<Inspection, "option" | "product" | "manifest"> {
  readonly upstream: Pick<Inspection["upstream"], "name" | "kind">;
  readonly config: Pick<Inspection["config"], "libraryPrefix">;
}

/** What a proxy is, and how what stands behind it is. */
export function proxy({ upstream, option, product, manifest, config }: ProxySurvey): Finding[] {
  if (upstream.kind !== "proxy") {
    return [];
  }
  const where = upstream.name;
  const found: Finding[] = [];
  if (product.cache === true) {
    found.push(
      manifest?.failure === undefined && manifest !== undefined && isTrouble(textOf(manifest))
        ? {
            id: "cache-upstream",
            severity: "warning",
            where,
            what: "is a cache that cannot ask its own public registry: it has what it has, and says of the rest that it is not there",
            advice: "see its log, and whether it can reach its remoteurl",
          }
        : {
            id: "cache",
            severity: "ok",
            where,
            what: "is a pull-through cache, which refuses writes by itself",
          },
    );
  }
  if (product.name === "CNCF distribution" && product.cache === false) {
    found.push({
      id: "proxy-is-registry",
      severity: "warning",
      where,
      what: "is a registry of its own, not a pull-through cache",
      advice: "give its configuration proxy.remoteurl, or see whether hosted and proxy are mixed up",
    });
  }
  if (product.name === "Docker Hub" && !config.libraryPrefix) {
    found.push({
      id: "library-prefix",
      severity: "hint",
      where: `${option}.libraryPrefix`,
      what: "clients have to say library/nginx for Docker Hub's nginx",
      advice: "libraryPrefix: true asks it for library/nginx when the client says nginx",
    });
  }
  return found;
}
