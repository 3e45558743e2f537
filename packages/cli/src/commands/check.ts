import type { CheckReport } from "@combined-registry/core";
import { listenerFindings } from "../findings.ts";
import type { Inspection } from "../inspections.ts";
import { loadFiles } from "../lifecycle/loaded-config.ts";
import type { ServeConfig } from "../load-config.ts";
import { renderCheck } from "../report/check-report.ts";
import type { Printer } from "../report/colour.ts";
import type { Progress } from "../report/progress.ts";
import { inspect } from "./inspect.ts";
import type { LoadConfig } from "./serve.ts";

/**
 * Checks the configuration and the files that it names, as `serve` does, and the registries.
 * @returns the exit code: 1 if a finding is an error, else 0
 * @throws Failure if `serve` would not start with the configuration
 */
export async function check(
  load: LoadConfig,
  { json }: Pick<Inspection, "json">,
  { print, paint }: Printer,
  progress: Progress,
): Promise<0 | 1> {
  const unwatched = async () => undefined;
  const during: Progress["during"] = json ? (_, work) => work : progress.during;
  const { config } = await during(
    "reading the configuration",
    load(unwatched).then((loaded) => loadFiles(loaded, unwatched)),
  );
  const { upstreams, findings } = await during(
    `asking ${upstreamUrls(config).join(" and ")}`,
    inspect(config, (handler) => handler.check()),
  );
  const all = [...listenerFindings(config), ...findings];
  const report: CheckReport = {
    ok: all.every(({ severity }) => severity !== "error"),
    upstreams,
    findings: all,
  };
  print(json ? `${JSON.stringify(report, undefined, 2)}\n` : renderCheck(report, paint));
  return report.ok ? 0 : 1;
}

function upstreamUrls({ router: { hosted, proxy } }: ServeConfig): string[] {
  return [hosted, ...[proxy].flat()].map((upstream) =>
    typeof upstream === "string" ? upstream : upstream.url,
  );
}
