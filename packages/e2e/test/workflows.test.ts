import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "@jest/globals";
import { run } from "../src/run.ts";

const folder = fileURLToPath(new URL("../../../.github/workflows/", import.meta.url));
const validator = fileURLToPath(new URL("../node_modules/.bin/action-validator", import.meta.url));

it.each(readdirSync(folder))("the workflow %s is one by GitHub's schema", async (file) => {
  await expect(run(validator, [`${folder}${file}`], process.env)).resolves.toBe("");
});
