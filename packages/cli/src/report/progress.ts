/** Shows on a terminal what is being done, in one line that is removed afterwards. */
export interface Progress {
  /** Shows `doing` while the work lasts, and after a second also how long it has taken. */
  during<T>(doing: string, work: Promise<T>): Promise<T>;
}

/** Whether standard error is a terminal of a person. */
export function showsProgress(environment: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const { NO_COLOR: plain = "", CI: automatic = "", TERM: terminal } = environment;
  return isTerminal && plain === "" && automatic === "" && terminal !== "dumb";
}

const restart = "\r\u001b[2K";
const second = 1_000;

/** @param write to the terminal; not called unless `isShown` */
export function createProgress(write: (text: string) => void, isShown: boolean): Progress {
  if (!isShown) {
    return { during: (_, work) => work };
  }
  return {
    async during(doing, work) {
      let seconds = 0;
      // A line that wraps could not be removed.
      const show = () => write(`${restart}${doing.slice(0, 60)}... ${seconds > 0 ? `${seconds} s` : ""}`);
      show();
      const timer = setInterval(() => {
        seconds += 1;
        show();
      }, second);
      try {
        return await work;
      } finally {
        clearInterval(timer);
        write(restart);
      }
    },
  };
}
