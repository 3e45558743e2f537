import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeE2E } from "../src/programs.ts";
import { program } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";
import { startAtTerminal, type Terminal } from "../src/terminal.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "combined-registry-completion-"));
  await mkdir(join(folder, "a folder"));
  await writeFile(join(folder, "combined.yaml"), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = await run(process.execPath, [program, "completion", shell], { PATH: searchPath });
    await writeFile(join(folder, `script.${shell}`), script);
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** What is typed, and what is offered for its last word. */
const cases: [typed: string, offered: string[]][] = [
  ["", ["check", "completion", "explain", "health", "init", "serve"]],
  ["ch", ["check"]],
  ["--log-level ", ["debug", "error", "fatal", "info", "silent", "trace", "warn"]],
  ["--log-level de", ["debug"]],
  ["--workers a", ["auto"]],
  ["--base ", ["all", "any", "hosted"]],
  ["completion ", ["bash", "fish", "zsh"]],
  ["--port 1 completion z", ["zsh"]],
  ["init --fo", ["--force"]],
  ["check --js", ["--json"]],
  ["check --tls-c", ["--tls-cert"]],
  ["--config com", ["combined.yaml"]],
  ["check --config com", ["combined.yaml"]],
];

describeE2E("completion in bash", ["bash"], () => {
  it.each([...cases, ["--log-level=de", ["debug"]], ["--config a", ["a folder"]], ["--host ", []]])(
    "offers for %j",
    async (typed, offered) => {
      const [last = "", ...before] = typed.split(/[ ]|(?==)|(?<==)/).reverse();
      const words = ["combined-registry", ...before.reverse(), last];
      const ask = `source script.bash
        COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
        _combined_registry; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const printed = await run("bash", ["-c", `cd '${folder}'; ${ask}`], { PATH: searchPath });
      const found = printed
        .split("\n")
        .filter((word) => word !== "" && (last !== "" || !word.startsWith("-")));
      expect(found.sort()).toEqual(offered);
    },
  );
});

describeE2E("completion in an interactive bash", ["bash", "script"], () => {
  it("is what a Tab at the prompt does", async () => {
    await using terminal = startAtTerminal(["bash", "--norc", "-i"], { folder, env: { PS1: "ready> " } });
    await terminal.shows("ready> ");
    terminal.type("source ./script.bash\n");
    await terminal.shows("ready> ");
    terminal.type("combined-registry --log-level=sil\t\u0001echo it''is \n");
    await terminal.shows("itis combined-registry --log-level=silent");
    terminal.type("exit\n");
    expect(await terminal.ended()).toBe(0);
  }, 30_000);
});

describeE2E("completion in fish", ["fish"], () => {
  it.each(cases)("offers for %j", async (typed, offered) => {
    const command = `source script.fish; complete -C 'combined-registry ${typed}'`;
    const env = { PATH: searchPath, HOME: folder };
    const printed = await run("fish", ["--no-config", "-c", `cd '${folder}'; ${command}`], env);
    const found = printed.split("\n").flatMap((line) => line.split("\t")[0] || []);
    expect(found.filter((word) => typed.includes("-") || !word.startsWith("-")).sort()).toEqual(offered);
  });
});

describeE2E("completion in zsh", ["zsh", "script"], () => {
  let terminal: Terminal;
  beforeAll(async () => {
    terminal = startAtTerminal(["zsh", "-f", "-i"], { folder, env: { PS1: "ready> " } });
    await terminal.shows("ready> ");
    terminal.type("autoload -U compinit; compinit -u -D; source ./script.zsh; echo lo''aded\n");
    await terminal.shows("loaded");
  }, 30_000);
  afterAll(async () => {
    await terminal[Symbol.asyncDispose]();
  });

  it.each([
    ["ch", "check"],
    ["--log-level sil", "silent"],
    ["completion fi", "fish"],
    ["--port 1 completion fi", "fish"],
    ["init --fo", "--force"],
    ["check --tls-c", "--tls-cert"],
    ["check --config com", "combined.yaml"],
  ])(
    "makes of %j what it is the beginning of",
    async (typed, completed) => {
      await terminal.shows("ready> ");
      terminal.type(`combined-registry ${typed}\t\u0001echo it''is \n`);
      await terminal.shows(`itis combined-registry ${typed.replace(/[^ ]*$/, "")}${completed}`);
    },
    30_000,
  );
});
