#!/usr/bin/env node
import { main } from "../dist/main.js";

process.exitCode = await main(process.argv.slice(2));
// Nothing that a configuration's own hooks have left open keeps the process.
setTimeout(() => process.exit(), 1_000).unref();
