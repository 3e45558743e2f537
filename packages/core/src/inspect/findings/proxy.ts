import type { Finding } from "../check-report.ts";
import { textOf } from "../probe.ts";
import { isTrouble } from "../product.ts";
import type { Survey } from "../survey.ts";

/** The part of a survey that tells of a proxy. */
export interface ProxySurvey extends Pick<Survey, "option" | "product" | "manifest"> {
  readonly upstream: Pick<Survey["upstream"], "name" | "kind">;
  readonly config: Pick<Survey["config"], "libraryPrefix">;
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
