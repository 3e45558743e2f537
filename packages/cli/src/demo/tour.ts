import { breakdown } from "../failure.ts";
import type { Progress } from "../report/progress.ts";
import { type Exchange, RegistryClient } from "./registry-client.ts";
import { exchangeTable } from "./report.ts";

/**
 * Pulls a public image through the router, pushes it under a private name, and pulls that back, printing who
 * answered what.
 * @throws Failure if an answer or a digest is not as it should be
 */
export async function tour(url: string, print: (text: string) => void, progress: Progress): Promise<void> {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const exchanges: Exchange[] = [];
  const client = new RegistryClient(url, (exchange) => exchanges.push(exchange));
  const step = async <T>(
    title: string,
    act: () => Promise<T>,
    outcome: (result: T) => string,
  ): Promise<T> => {
    const result = await progress.during(title.replace(/:$/, ""), act());
    print(`${title}\n${exchangeTable(exchanges.splice(0))}\n  ${outcome(result)}\n\n`);
    return result;
  };

  const image = await step(
    "Pull library/hello, a public image:",
    () => client.pull("library/hello", "latest", architecture),
    ({ manifest }) => `linux/${architecture} is ${manifest.digest}; every digest is right`,
  );
  await step(
    "Push it as team/app, a private image:",
    () => client.push("team/app", "1.0", image),
    () => "the private registry has it now",
  );
  const pulled = await step(
    "Pull team/app back:",
    () => client.pull("team/app", "1.0", architecture),
    ({ manifest }) => `${manifest.digest}; every digest is right`,
  );
  if (pulled.manifest.digest !== image.manifest.digest) {
    throw breakdown(`pushed ${image.manifest.digest} and pulled ${pulled.manifest.digest}`);
  }
  await step(
    "List the tags of team/app:",
    () => client.tags("team/app"),
    (tags) => `tags: ${tags.join(", ")}`,
  );
}
