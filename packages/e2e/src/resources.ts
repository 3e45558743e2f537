import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endUserNamespace } from "./clients.ts";

/** What a test file has opened, closed in the reverse order. Stands in for AsyncDisposableStack, which Node 20 has not got. */
export class Resources implements AsyncDisposable {
  readonly #opened: AsyncDisposable[] = [];

  /** Takes charge of something. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#opened.push(resource);
    return resource;
  }

  /** A new folder, removed in the end with all that is in it. */
  async folder(): Promise<string> {
    // Short, since paths of Unix sockets inside are limited to 107 bytes.
    const path = await mkdtemp(join(tmpdir(), "cr-e2e-"));
    this.use({ [Symbol.asyncDispose]: () => remove(path) });
    return path;
  }

  /** Closes everything, whatever fails meanwhile; the first failure is thrown in the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const resource of this.#opened.splice(0).reverse()) {
      try {
        await resource[Symbol.asyncDispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw failures[0];
    }
  }
}

async function remove(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    await endUserNamespace(folder);
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
