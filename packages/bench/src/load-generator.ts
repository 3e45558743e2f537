import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "@combined-registry/deadline";
import type { Job, Outcome } from "./driver/jobs.ts";

/** A process that puts load on servers, so that its own work stays out of theirs and of ours. */
export interface LoadGenerator extends AsyncDisposable {
  /** @throws Error if an answer was wrong, or if it takes minutes */
  run(job: Job): Promise<Outcome>;
}

type Report = { readonly outcome: Outcome } | { readonly error: string };

const program = fileURLToPath(new URL("./driver/main.js", import.meta.url));
const patience = 180_000;

export async function startLoadGenerator(): Promise<LoadGenerator> {
  const child = fork(program, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await within("the load generator to start", 10_000, once(child, "spawn"));
  const ended = once(child, "exit");
  return {
    async run(job) {
      const answered: Promise<Report[]> = once(child, "message");
      child.send(job);
      const gone = ended.then((): never => {
        throw new Error("the load generator ended");
      });
      const [report] = await within(`${job.kind} at ${job.origin}`, patience, Promise.race([answered, gone]));
      if (report === undefined || "error" in report) {
        throw new Error(`${job.kind} at ${job.origin}: ${report?.error}`);
      }
      return report.outcome;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await within("the load generator to end", 10_000, ended);
    },
  };
}
