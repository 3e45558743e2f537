import { readFile, writeFile } from "node:fs/promises";

/** The kernel counts CPU time in these. */
const ticksPerSecond = 100;

/** A process and, as nginx has workers, its children. */
export async function withChildren(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return [pid, ...children.split(" ").filter(Boolean).map(Number)];
}

/** Seconds of CPU time that processes have used so far, in user and kernel mode. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const all = await Promise.all(pids.map(cpuTicks));
  return sum(all) / ticksPerSecond;
}

async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // proc(5): the name, in parentheses, may hold blanks; utime and stime are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** The most bytes that processes have held at one time since `forgetPeaks`. */
export async function peakMemory(pids: readonly number[]): Promise<number> {
  return sum(await Promise.all(pids.map(highWaterMark)));
}

async function highWaterMark(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Lets the high-water marks begin anew, at what is held now. */
export async function forgetPeaks(pids: readonly number[]): Promise<void> {
  await Promise.all(pids.map((pid) => writeFile(`/proc/${pid}/clear_refs`, "5")));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
