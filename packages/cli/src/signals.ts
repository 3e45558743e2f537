/** Resolves with the first SIGTERM or SIGINT. A second one ends the process on the spot, with code 1. */
export function toldToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (told) {
          process.exit(1);
        }
        told = true;
        resolve(signal);
      });
    }
  });
}
