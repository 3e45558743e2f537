import {
  type CombinedRegistryConfig,
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
} from "@combined-registry/core";
import { defaults } from "../defaults.ts";
import { createAuthorize } from "../htpasswd/authorize.ts";
import { createPasswords, type Passwords, type PasswordsOptions } from "../htpasswd/passwords.ts";
import type { Log } from "../logging.ts";
import { listen, type RunningServer } from "../server.ts";
import { type Drain, type Ended, finish } from "./finish.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/** The processes that serve clients: this one, or a pool of workers. */
export interface Processes {
  /**
   * Resolves with the URL when they listen.
   * @throws Failure if the address cannot be had
   */
  start(): Promise<string>;
  /**
   * Once it resolves, no process uses the configuration of before.
   * @throws what is wrong with the configuration; then all keep the one of before
   */
  reload(next: LoadedConfig): Promise<void>;
  /** Finishes what is under way. */
  finish(drain: Drain): Promise<Ended>;
}

/** What a process of a pool does differently from one that serves alone. */
export interface InPool {
  readonly passwords: PasswordsOptions;
  extend(router: CombinedRegistryConfig): CombinedRegistryConfig;
}

const alone: InPool = { passwords: {}, extend: (router) => router };

/** Serves clients in this process. */
export class ServingProcess implements Processes {
  readonly handler: CombinedRegistryHandler;
  readonly passwords: Passwords;
  readonly #first: LoadedConfig;
  readonly #log: Log;
  readonly #inPool: InPool;
  #listening: Promise<RunningServer> | undefined;
  #server: RunningServer | undefined;
  #ended: Promise<Ended> | undefined;

  constructor(first: LoadedConfig, log: Log, inPool: InPool = alone) {
    this.#first = first;
    this.#log = log;
    this.#inPool = inPool;
    this.passwords = createPasswords(log, inPool.passwords);
    this.#useUsers(first);
    this.handler = createCombinedRegistryHandler(this.#routerConfig(first));
  }

  async start(): Promise<string> {
    const { config, tls } = this.#first;
    this.#listening = listen(this.handler, { ...config, tls, log: this.#log });
    this.#server = await this.#listening;
    return this.#server.url;
  }

  async reload(next: LoadedConfig): Promise<void> {
    this.handler.reload(this.#routerConfig(next));
    this.#useUsers(next);
    this.#server?.use({ ...next.config, tls: next.tls });
  }

  async finish(drain: Drain): Promise<Ended> {
    this.handler.drain();
    this.#ended ??= this.#finish(drain);
    return this.#ended;
  }

  async #finish(drain: Drain): Promise<Ended> {
    // Stops to listen at once, without a turn of the event loop in between, unless a signal came before it listened.
    const server = this.#server ?? (await this.#listening) ?? { stop: async () => 0 };
    return finish({ server, handler: this.handler, drain });
  }

  #routerConfig({ config }: LoadedConfig): CombinedRegistryConfig {
    return this.#inPool.extend({
      ...config.router,
      ...(config.auth !== undefined && { authorize: createAuthorize(this.passwords, config.auth.realm) }),
      metrics: { process: defaults.processMetrics, ...config.router.metrics },
      logger: this.#log,
    });
  }

  #useUsers({ config, htpasswd }: LoadedConfig): void {
    if (config.auth !== undefined && htpasswd !== undefined) {
      const { htpasswd: file, throttle } = config.auth;
      this.passwords.use(htpasswd, file.path, { throttle });
    }
  }
}
