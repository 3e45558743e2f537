import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "./checkout.ts";
import type { KubernetesObject } from "./helm.ts";
import { run } from "./run.ts";

/** Where `kubernetes-types`, made from Kubernetes' own OpenAPI description, has the types of an API group. */
const modules: Readonly<Record<string, string>> = {
  "apps/v1": "apps/v1",
  "autoscaling/v2": "autoscaling/v2",
  "networking.k8s.io/v1": "networking/v1",
  "policy/v1": "policy/v1",
  v1: "core/v1",
};

/** Whether Kubernetes itself has that kind of objects, and no operator. */
export function isBuiltIn({ apiVersion }: KubernetesObject): boolean {
  return Object.hasOwn(modules, apiVersion);
}

/**
 * Holds objects against Kubernetes' types: fields that there are not, that lack, or that hold something else are errors. The
 * compiler is the judge; it does for literals what `kubectl --validate=strict` does with a cluster.
 * @throws Error with the compiler's words
 */
export async function checkTypes(objects: readonly KubernetesObject[], folder: string): Promise<void> {
  const file = join(folder, "objects.ts");
  const lines = objects.map((object, index) => {
    const type = `import("kubernetes-types/${modules[object.apiVersion]}.js").${object.kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object, undefined, 2)};`;
  });
  await writeFile(file, lines.join("\n"));
  await symlink(join(checkout, "packages/e2e/node_modules"), join(folder, "node_modules"));
  const compiler = join(checkout, "node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--ignoreConfig"];
  await run(process.execPath, [compiler, ...options, file], {});
}
