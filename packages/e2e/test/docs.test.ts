import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { checkout as root } from "../src/checkout.ts";
import { docPages, readPage } from "../src/doc-pages.ts";

const { scripts }: { scripts: object } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
describe.each(docPages)("%s", (page) => {
  const text = readPage(page);

  it("links to files that are there", () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, target = ""]) => target);

    expect(links.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });

  it("names files of this repository that are there", () => {
    const named = [...text.matchAll(/`((?:packages|docs|examples|scripts)\/[^`*<>\s]+)`/g)].map(
      ([, path = ""]) => path,
    );

    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("names scripts that package.json has", () => {
    const named = [...text.matchAll(/npm run ([\w-]+)/g)].map(([, script = ""]) => script);

    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });
});
