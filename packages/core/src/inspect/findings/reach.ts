import { isLoopbackHost } from "../../protocol/address.ts";
import { isUp, type Ping } from "../../upstream/pings.ts";
import type { Finding } from "../check-report.ts";
import { addressOf, type Inspection } from "../inspection.ts";
import { type ProbeFailure, type ProbeResponse, statusOf, textOf } from "../probe.ts";

export function reach(inspection: Inspection): Finding[] {
  const { upstream, option, base, ping, config } = inspection;
  const where = upstream.name;
  if (base.failure === undefined) {
    return [isUp(ping) ? answers(inspection) : unusable(where, option, ping, base)];
  }
  if (base.failure.kind === "refused") {
    // Another finding names the credentials.
    return [{ id: "reachable", severity: "ok", where, what: "can be reached" }];
  }
  const what = `cannot be used at ${addressOf(config.url)}: ${base.failure.cause}`;
  return [{ severity: "error", where, what, ...diagnose(base, option, config.url) }];
}

function answers({ upstream, option, base, ping }: Inspection): Finding {
  const where = upstream.name;
  const status = statusOf(base) ?? 0;
  if (status < 300 || status >= 400) {
    return { id: "reachable", severity: "ok", where, what: "answers" };
  }
  return {
    id: "redirects",
    severity: "hint",
    where: `${option}.url`,
    what: `${where} redirects /v2/ (${status}) to an address that answers ${ping.status}`,
    advice:
      upstream.kind === "hosted"
        ? "write the address that it redirects to: pushes cannot follow redirects"
        : "write the address that it redirects to if pulls fail: credentials are not sent there",
  };
}

function unusable(where: string, option: string, ping: Ping, base: ProbeResponse): Finding {
  // A router in a loop answers its own request with 508, and therefore its clients with 503.
  if (base.status === 508 || (base.status === 503 && /answered 508/.test(textOf(base)))) {
    const what = "leads back to this router, or to another router that leads back to itself";
    const advice = "use the URL of the registry, never the address of the router";
    return { id: "loop", severity: "error", where, what, advice };
  }
  if (base.status === 400 && /HTTPS server/i.test(textOf(base))) {
    const what = "speaks HTTPS, but the router asks it in plain HTTP";
    return { id: "wrong-scheme", severity: "error", where, what, advice: `write https:// in ${option}.url` };
  }
  if (base.status === 401) {
    // Another finding names the credentials.
    return { id: "reachable", severity: "ok", where, what: "can be reached" };
  }
  const objection = ping.objection ?? `answered ${base.status}`;
  if (/web page/.test(objection)) {
    return {
      id: "web-page",
      severity: "error",
      where,
      what: `is no registry at /v2/: it ${objection}`,
      advice: `check the host and port of ${option}.url; if a login or a portal is before the registry, let the router pass it`,
    };
  }
  return {
    id: "no-registry",
    severity: "error",
    where,
    what: objection.startsWith("redirects")
      ? `cannot be used: it ${objection}`
      : `answers ${base.status} at /v2/, and nothing in the answer is a registry's`,
    advice:
      base.status === 404
        ? `check that ${option}.url is the URL of a registry, and whether it needs a path before /v2/`
        : `see its log, and check that ${option}.url is the URL of a registry`,
  };
}

function diagnose({ failure, code }: ProbeFailure, option: string, url: URL): Pick<Finding, "id" | "advice"> {
  switch (code) {
    case "ECONNREFUSED":
      return {
        id: "refused",
        advice: isLoopbackHost(url.hostname)
          ? `start it, or correct the port in ${option}.url; in a container, ${url.hostname} is the container itself`
          : `start it, or correct the port in ${option}.url. A distribution cache also exits at start if it cannot reach its public registry`,
      };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { id: "dns", advice: `correct the host in ${option}.url, or the DNS settings of this machine` };
    case "CERT_HAS_EXPIRED":
      return {
        id: "certificate",
        advice: "its certificate has expired: renew it, or check this machine's clock",
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return {
        id: "certificate",
        advice: `its certificate is for another name: correct ${option}.url, or give that name in ${option}.tls.serverName`,
      };
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return { id: "wrong-scheme", advice: `it does not seem to speak TLS: try http:// in ${option}.url` };
    default:
      return failure.cause.startsWith("TLS failed")
        ? {
            id: "certificate",
            advice: `give the certificate of its issuer in ${option}.tls (caFile in a file, ca in a program)`,
          }
        : {
            id: failure.kind === "timeout" ? "timeout" : "unreachable",
            advice: `check that it runs, and that no firewall blocks connections to ${url.host}`,
          };
  }
}

// Seconds. Certificates, tokens and rate limits last minutes at least.
const tolerated = 60;

/** Clocks that differ from this machine's. If all differ by the same time, this machine's clock is wrong. */
export function clocks(inspections: readonly Inspection[]): Finding[] {
  const measured = inspections.flatMap(({ upstream, clockSkew: skew }) =>
    skew === undefined ? [] : [{ where: upstream.name, skew }],
  );
  const skews = measured.map(({ skew }) => skew);
  const isOff = (skew: number) => Math.abs(skew) > tolerated;
  if (skews.length > 1 && skews.every(isOff) && Math.max(...skews) - Math.min(...skews) <= tolerated) {
    const what = `all upstreams' clocks are ${difference(skews[0] ?? 0)} this machine's`;
    const advice = "set this machine's clock (NTP): the validity of certificates and tokens depends on it";
    return [{ id: "clock", severity: "warning", where: "clock", what, advice }];
  }
  return measured.map(({ where, skew }) => {
    if (!isOff(skew)) {
      return { id: "clock", severity: "ok", where, what: "its clock is right" };
    }
    const what = `its clock is ${difference(skew)} this machine's`;
    const advice = "set both by NTP: the validity of tokens and certificates depends on clocks";
    return { id: "clock", severity: "warning", where, what, advice };
  });
}

function difference(skew: number): string {
  return `${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"}`;
}
