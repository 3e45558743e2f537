import { TestEnvironment } from "jest-environment-node";

/** As `packages/deadline` says it. jest loads this before anything is built. */
const factor = Number(process.env.TEST_TIME_FACTOR || 1);

/** Node, with jest's own deadlines, those of single tests and hooks included, multiplied by `TEST_TIME_FACTOR`. */
export default class ScaledEnvironment extends TestEnvironment {
  /** The tests and hooks that have been seen, as hooks run more than once. */
  #scaled = new WeakSet();

  handleTestEvent(event, state) {
    if (event.name === "run_start") {
      state.testTimeout *= factor;
    } else if (event.name === "hook_start") {
      this.#scale(event.hook);
    } else if (event.name === "test_start") {
      this.#scale(event.test);
    }
  }

  #scale(one) {
    if (one.timeout !== undefined && !this.#scaled.has(one)) {
      this.#scaled.add(one);
      one.timeout *= factor;
    }
  }
}
