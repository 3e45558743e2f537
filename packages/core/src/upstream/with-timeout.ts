import { upstreamFailure } from "../errors.ts";
import type { FailureReport } from "../routing/classify.ts";

export type TimedResult<T> = { readonly latency: number } & (
  | { readonly value: T; readonly failure?: undefined }
  /** `error` is undefined after the timeout. */
  | { readonly failure: FailureReport; readonly error?: unknown }
);

/**
 * Runs work for at most `limit` milliseconds. Never rejects, and never takes longer, even if the work ignores its signal.
 * @param work gets a signal that is aborted when its result is no longer needed
 * @param wanted aborted when the result is no longer needed before that
 */
export async function withTimeout<T>(
  limit: number,
  work: (signal: AbortSignal) => Promise<T>,
  wanted?: AbortSignal,
): Promise<TimedResult<T>> {
  const started = performance.now();
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<FailureReport>((resolve) => {
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
  const outcome = await Promise.race([
    done,
    Promise.race([timedOut, unwanted]).then((failure) => ({ failure })),
  ]);
  clearTimeout(timer);
  wanted?.removeEventListener("abort", cancel);
  controller.abort();
  return { ...outcome, latency: performance.now() - started };
}
