import type { Finding } from "../check-report.ts";
import type { Survey } from "../survey.ts";

// Certificates, tokens and rate limits are about minutes. Seconds.
const tolerated = 60;

/** Seconds by which an upstream's clock is ahead; undefined if it does not tell. */
export function skewOf({ clocks }: Pick<Survey, "clocks">): number | undefined {
  return clocks && Math.round((clocks.there - clocks.here) / 1000);
}

/** Clocks that differ; if all do alike, it is this one that is wrong. */
export function clocks(surveys: readonly Survey[]): Finding[] {
  const told = surveys.flatMap((one) => {
    const skew = skewOf(one);
    return skew === undefined ? [] : [{ name: one.upstream.name, skew }];
  });
  const off = told.filter(({ skew }) => Math.abs(skew) > tolerated);
  const skews = off.map(({ skew }) => skew);
  const alike = Math.max(...skews) - Math.min(...skews) <= tolerated;
  if (off.length > 1 && off.length === told.length && alike) {
    return [
      {
        id: "clock",
        severity: "warning",
        where: "clock",
        what: `all upstreams' clocks are ${difference(skews[0] ?? 0)} this machine's`,
        advice: "set this machine's clock (NTP): certificates and tokens are judged by it",
      },
    ];
  }
  return told.map(({ name, skew }) =>
    Math.abs(skew) > tolerated
      ? {
          id: "clock",
          severity: "warning",
          where: name,
          what: `its clock is ${difference(skew)} this machine's`,
          advice: "set both by NTP: tokens and certificates are judged by clocks",
        }
      : { id: "clock", severity: "ok", where: name, what: "its clock is right" },
  );
}

function difference(skew: number): string {
  return `${Math.abs(skew)} s ${skew > 0 ? "ahead of" : "behind"}`;
}
