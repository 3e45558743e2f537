import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { ConfigProblem } from "@combined-registry/core";
import { fileProblem } from "../failure.ts";
import type { BeforeRead } from "../lifecycle/watch.ts";
import { isTable, mapValues, type Table } from "./table.ts";

/** For each table of an upstream: the option that names a file, and the option that takes its content. */
const references: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  auth: { passwordFile: "password" },
  tls: { caFile: "ca", certFile: "cert", keyFile: "key" },
};

/** Router options with the content of the files that they name. */
export interface Inlined {
  readonly router: Table;
  readonly problems: readonly ConfigProblem[];
  /** Makes problems with a file's content name the file. Drops problems of tables whose file could not be read: these follow from that. */
  rephrase(problems: readonly ConfigProblem[]): ConfigProblem[];
}

/** Reads the passwords, certificates and keys of upstreams from their files, relative to `folder`. */
export async function inlineFiles(
  router: Table,
  { folder, beforeRead }: { readonly folder: string; readonly beforeRead: BeforeRead },
): Promise<Inlined> {
  const problems: ConfigProblem[] = [];
  const read = new Map<string, { readonly option: string; readonly file: string }>();

  const upstream = async (value: unknown, option: string): Promise<unknown> =>
    isTable(value)
      ? mapValues(value, (inner, key) => {
          const names = references[key];
          return names !== undefined && isTable(inner) ? table(inner, names, `${option}.${key}`) : inner;
        })
      : value;

  const table = async (written: Table, names: Readonly<Record<string, string>>, option: string) => {
    const inlined: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(written)) {
      const target = Object.hasOwn(names, key) ? names[key] : undefined;
      if (target === undefined) {
        inlined[key] = value;
      } else if (written[target] !== undefined) {
        problems.push({
          option: `${option}.${key}`,
          expected: `nothing beside ${target}`,
          given: JSON.stringify(value),
        });
      } else {
        inlined[target] = await content(value, `${option}.${key}`);
        read.set(`${option}.${target}`, { option: `${option}.${key}`, file: JSON.stringify(value) });
      }
    }
    return inlined;
  };

  const content = async (file: unknown, option: string): Promise<string> => {
    if (typeof file !== "string" || file === "") {
      problems.push({ option, expected: "a file name", given: JSON.stringify(file) });
      return "";
    }
    try {
      const path = resolve(folder, file);
      await beforeRead(path);
      // Editors and `echo` add a trailing newline, which is not part of the password.
      const text = (await readFile(path, "utf8")).replace(/\r?\n$/, "");
      if (text === "") {
        problems.push({
          option,
          expected: "a file that is not empty",
          given: `${JSON.stringify(file)}, which is empty`,
        });
      }
      return text;
    } catch (error) {
      problems.push({
        option,
        expected: "a readable file",
        given: `${JSON.stringify(file)} (${fileProblem(error)})`,
      });
      return "";
    }
  };

  const inlined: Record<string, unknown> = { ...router };
  if (router.hosted !== undefined) {
    inlined.hosted = await upstream(router.hosted, "hosted");
  }
  if (Array.isArray(router.proxy)) {
    inlined.proxy = await Promise.all(router.proxy.map((one, index) => upstream(one, `proxy[${index}]`)));
  } else if (router.proxy !== undefined) {
    inlined.proxy = await upstream(router.proxy, "proxy");
  }
  return {
    router: inlined,
    problems,
    rephrase: (found) =>
      found
        .filter(({ option }) => !problems.some((known) => tableOf(known.option) === tableOf(option)))
        .map((problem) => {
          const source = read.get(problem.option);
          return source === undefined
            ? problem
            : { ...problem, option: source.option, given: `${source.file}, ${problem.given}` };
        }),
  };
}

/** "hosted.tls" of "hosted.tls.caFile". */
function tableOf(option: string): string {
  return option.slice(0, option.lastIndexOf("."));
}
