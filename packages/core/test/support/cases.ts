/**
 * How many cases a property is tried with: a tenth of them, and all of them with `FC_TIMES=1`, as `.ci/run` sets it.
 * More is possible: `FC_TIMES=10`.
 */
export function cases(all: number): number {
  return Math.ceil(all * Number(process.env.FC_TIMES || 0.1));
}
