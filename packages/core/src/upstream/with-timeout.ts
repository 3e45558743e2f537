import { upstreamFailure } from "../errors.ts";
import type { FailureReport } from "../routing/outcome.ts";

/** How something that was given only so much time went. */
export type TimedResult<T> = { readonly latency: number } & (
  | { readonly value: T; readonly failure?: undefined }
  /** `error`: what was thrown, if anything was. */
  | { readonly failure: FailureReport; readonly error?: unknown }
);

/**
 * Gives work so many milliseconds, token endpoints and all. Never rejects, and never takes longer.
 * @param work to be told by the signal that nobody waits for it any more
 * @param wanted aborted when nobody does before that
 */
export async function withTimeout<T>(
  limit: number,
  work: (signal: AbortSignal) => Promise<T>,
  wanted?: AbortSignal,
): Promise<TimedResult<T>> {
  const started = performance.now();
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<FailureReport>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "timeout", cause: `timeout after ${limit} ms` }), limit);
  });
  let cancel = () => {};
  const unwanted = new Promise<FailureReport>((resolve) => {
    cancel = () => resolve({ kind: "broken", cause: "given up" });
  });
  wanted?.addEventListener("abort", cancel);
  if (wanted?.aborted) {
    cancel();
  }
  const done = work(controller.signal).then(
    (value) => ({ value }),
    (error: unknown) => ({ failure: upstreamFailure(error).report, error }),
  );
  const outcome = await Promise.race([done, Promise.race([late, unwanted]).then((failure) => ({ failure }))]);
  clearTimeout(timer);
  wanted?.removeEventListener("abort", cancel);
  controller.abort();
  return { ...outcome, latency: performance.now() - started };
}
