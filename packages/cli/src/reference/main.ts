// Writes what is made out of the options' schemas and comments: `npm run reference`. No part of the package.
import { writeFile } from "node:fs/promises";
import { makeReference } from "./reference.ts";

for (const { url, content } of await makeReference()) {
  await writeFile(url, content);
}
