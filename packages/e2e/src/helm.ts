import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { checkout } from "./checkout.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** An object of Kubernetes, as far as all of them are alike. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
}

const chart = join(checkout, "examples/kubernetes");

/**
 * Checks the chart as `helm lint` does.
 * @throws Error in helm's words, if it refuses it or warns
 */
export async function lint(values: object, folder: string): Promise<string> {
  const file = await written(values, folder);
  const args = ["lint", "--strict", chart, `--values=${file}`];
  return run("helm", args, { PATH: searchPath, HOME: folder }, { quiet: true });
}

/**
 * What `helm install` would send to Kubernetes.
 * @param values as text or as what it stands for
 * @throws Error in helm's words, if it refuses them or warns of them
 */
export async function render(values: string | object, folder: string): Promise<KubernetesObject[]> {
  const file = await written(values, folder);
  const args = [
    "template",
    "registry",
    chart,
    "--namespace=registry",
    "--kube-version=1.30.0",
    `--values=${file}`,
  ];
  const text = await run("helm", args, { PATH: searchPath, HOME: folder }, { quiet: true });
  return parseAllDocuments(text).map((document) => document.toJS());
}

async function written(values: string | object, folder: string): Promise<string> {
  const file = join(folder, "values.yaml");
  await writeFile(file, typeof values === "string" ? values : JSON.stringify(values));
  return file;
}
