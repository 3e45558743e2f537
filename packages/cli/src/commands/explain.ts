import { ImageNameError } from "@combined-registry/core";
import { misuse } from "../failure.ts";
import type { Inspection } from "../inspections.ts";
import type { Printer } from "../report/colour.ts";
import { renderExplanation } from "../report/explanation.ts";
import { inspect } from "./inspect.ts";
import type { LoadConfig } from "./serve.ts";

/**
 * Explains where an image comes from, and why.
 * @returns the exit code: 0 if an upstream has the image, else 1
 * @throws Failure if the name or the configuration is wrong
 */
export async function explain(
  load: LoadConfig,
  { image, json }: Pick<Inspection, "json"> & { readonly image: string },
  { print, paint }: Printer,
): Promise<0 | 1> {
  const config = await load(async () => undefined);
  const explanation = await inspect(config, (handler) => handler.explain(image)).catch((error: unknown) => {
    throw error instanceof ImageNameError ? misuse(error.message) : error;
  });
  print(json ? `${JSON.stringify(explanation, undefined, 2)}\n` : renderExplanation(explanation, paint));
  const { from, status } = explanation.pull;
  return from !== undefined && status < 400 ? 0 : 1;
}
