/** Tells on a terminal what takes time, in one line that is gone afterwards. */
export interface Progress {
  /** Shows what is done while it is, after a second also for how long. */
  during<T>(doing: string, work: Promise<T>): Promise<T>;
}

/** Whether somebody looks at standard error who wants to see lines change. */
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
      // A line that the terminal breaks could not be taken back.
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
