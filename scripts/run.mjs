// What `npm start`, `npm test` and `npm run bench` do in a fresh clone, on a machine with nothing but Node and npm:
// install if need be, build, run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const commands = {
  start: ["packages/cli/bin/combined-registry.js", "--demo"],
  test: [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    "node_modules/jest/bin/jest.js",
  ],
  bench: ["packages/bench/dist/main.js"],
};

const root = fileURLToPath(new URL("..", import.meta.url));
const onWindows = process.platform === "win32";

/** Runs one step in the foreground. @returns its exit code */
async function run(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, stdio: "inherit", ...options });
  const passOn = (signal) => {
    // Ctrl-C at a terminal reaches the child by itself; sent again, it would count as the impatient second one.
    const atTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
    if (signal !== "SIGINT" || !atTerminal) {
      child.kill(signal);
    }
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    process.on(signal, passOn);
  }
  const [code, signal] = await once(child, "close");
  for (const name of signals) {
    process.off(name, passOn);
  }
  return code ?? 128 + constants.signals[signal];
}

function modified(path) {
  return statSync(new URL(path, new URL("../", import.meta.url)), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The version that package.json names, whether or not the machine has a pnpm of its own. */
function install() {
  const current = modified("node_modules/.modules.yaml") > modified("pnpm-lock.yaml");
  const args = ["-y", "pnpm@10.34.9", "install", "--frozen-lockfile"];
  return current ? 0 : run("npx", args, { shell: onWindows });
}

async function main([command, ...args]) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Node 20.19 or newer is needed; this is ${process.versions.node}.\n`);
    return 2;
  }
  if (!Object.hasOwn(commands, command)) {
    process.stderr.write(`usage: node scripts/run.mjs ${Object.keys(commands).join("|")} [options]\n`);
    return 2;
  }
  return (
    (await install()) ||
    (await run(process.execPath, [
      "node_modules/typescript/bin/tsc",
      "-b",
      "packages/cli",
      "packages/bench",
    ])) ||
    (await run(process.execPath, [...commands[command], ...args]))
  );
}

process.exitCode = await main(process.argv.slice(2));
