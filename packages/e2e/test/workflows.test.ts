import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { run } from "../src/run.ts";

const folder = fileURLToPath(new URL("../../../.github/workflows/", import.meta.url));
const validator = fileURLToPath(new URL("../node_modules/.bin/action-validator", import.meta.url));

/** What matters here of a workflow as it is written. */
interface Workflow {
  readonly permissions?: Permissions;
  readonly jobs: Readonly<Record<string, Job>>;
}

type Permissions = Readonly<Record<string, string>>;

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Permissions;
  readonly steps: readonly {
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
  }[];
}

const testing = /\bnpm (run )?(test|jest)\b|\.ci\/run/;

const runsTests = ({ steps }: Job) => steps.some(({ run: command = "" }) => testing.test(command));

/** The scopes in which a job may write; everything, where nobody has said anything. */
function writes(job: Job, workflow: Workflow): string[] {
  const permissions = job.permissions ?? workflow.permissions ?? { everything: "write" };
  return Object.keys(permissions).filter((scope) => permissions[scope] === "write");
}

/** Whether tests have passed before a job begins. */
function isTested(job: Job, workflow: Workflow): boolean {
  return [job.needs ?? []].flat().some((name) => {
    const needed = workflow.jobs[name];
    return needed !== undefined && (runsTests(needed) || isTested(needed, workflow));
  });
}

describe.each(readdirSync(folder))("the workflow %s", (file) => {
  const read = async (): Promise<Workflow> => parse(await readFile(`${folder}${file}`, "utf8"));

  it("is one by GitHub's schema", async () => {
    await expect(run(validator, [`${folder}${file}`], process.env)).resolves.toBe("");
  });

  it("uses actions of one commit only, which nobody can move", async () => {
    const used = Object.values((await read()).jobs).flatMap(({ steps }) =>
      steps.flatMap(({ uses }) => uses ?? []),
    );
    expect(used.filter((action) => !/@[\da-f]{40}$/.test(action))).toEqual([]);
    expect(used).not.toEqual([]);
  });

  it("gives what tests run no right to write, and leaves them no credentials", async () => {
    const workflow = await read();
    const tests = Object.entries(workflow.jobs).filter(([, job]) => runsTests(job));
    expect(tests).not.toEqual([]);
    for (const [name, job] of tests) {
      expect([name, writes(job, workflow)]).toEqual([name, []]);
      const checkouts = job.steps.filter(({ uses = "" }) => uses.startsWith("actions/checkout@"));
      expect(checkouts.map((step) => step.with?.["persist-credentials"])).toEqual([false]);
    }
  });

  it("writes and publishes only what has passed the tests", async () => {
    const workflow = await read();
    const untested = Object.entries(workflow.jobs).filter(
      ([, job]) => writes(job, workflow).length > 0 && !isTested(job, workflow),
    );
    expect(untested.map(([name]) => name)).toEqual([]);
  });
});

it("only the job that publishes may prove where a package comes from, and only it knows npm's token", async () => {
  const text = await readFile(`${folder}release.yml`, "utf8");
  const workflow: Workflow = parse(text);
  const having = (what: (job: Job) => boolean) =>
    Object.entries(workflow.jobs).flatMap(([name, job]) => (what(job) ? [name] : []));

  expect(having((job) => writes(job, workflow).includes("id-token"))).toEqual(["publish"]);
  expect(having((job) => JSON.stringify(job).includes("NPM_TOKEN"))).toEqual(["publish"]);
  expect(having(({ steps }) => steps.some((step) => step.with?.publish !== undefined))).toEqual(["publish"]);
});
