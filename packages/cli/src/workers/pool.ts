import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { breakdown, messageOf } from "../failure.ts";
import type { Log } from "../logging.ts";
import { type Death, Member } from "./handle.ts";
import {
  type AllEnded,
  Backoff,
  type Drain,
  finishAll,
  giveUpIfStill,
  prepareAll,
  useAll,
} from "./lifecycle.ts";
import { WorkerTurns } from "./lock-table.ts";
import { Totals } from "./metrics.ts";
import { LineGone, LineLate, type Parcel, type ToWorker } from "./rpc.ts";

interface Starting {
  resolve(url: string): void;
  reject(error: unknown): void;
}

// Milliseconds. A worker that is late has stood still for as long, and serves nobody.
const longestForStart = 120_000;
const longestForHearing = 1_000;
// What is done in a turn waits for hosted as long as its own limits let it; this is only when to look.
const longestForTurn = 15_000;
const mostDeathsBeforeListening = 5;

/** The workers: begun, replaced when they die, told of another configuration, and ended. */
export class Crew {
  readonly #count: number;
  readonly #log: Log;
  readonly #members = new Set<Member>();
  readonly #totals = new Totals<Member>();
  readonly #turns: WorkerTurns<Member>;
  readonly #backoff = new Backoff();
  readonly #replacements = new Set<NodeJS.Timeout>();
  readonly #key = randomBytes(32);
  #parcel: Parcel;
  #starting: Starting | undefined;
  #url: string | undefined;
  #deathsBeforeListening = 0;
  #change: Promise<void> | undefined;
  #stops = false;

  constructor(count: number, parcel: Parcel, log: Log) {
    this.#count = count;
    this.#parcel = parcel;
    this.#log = log;
    const what = "stands still while others wait for their turn";
    this.#turns = new WorkerTurns({
      longest: longestForTurn,
      over: (member) => void giveUpIfStill(member, what, log),
    });
    // All workers take connections from one queue of the kernel's: whoever has time does, one that stands still does not, and
    // what a dead one has not taken is there for the others. Handing each connection on from here, as Node does it else, shares
    // more evenly, but makes this process the limit (docker opens a connection for each request), and one that is on its way to
    // a worker which dies hangs for ever. To be said before `setupPrimary`, which goes by it from then on.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL("./worker.js", import.meta.url)),
      args: [],
      serialization: "advanced",
    });
  }

  /**
   * Begins all workers. Resolves with the URL when all listen, but for those that have died and are replaced.
   * @throws Failure if the address cannot be had, or none lives long enough to listen
   */
  start(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      for (let number = 1; number <= this.#count; number++) {
        this.#begin(number);
      }
    });
  }

  /**
   * Has all workers go by another configuration. Once it resolves, none goes by the one of before.
   * @throws what is wrong with it; then all stay with the one of before
   */
  reload(parcel: Parcel): Promise<void> {
    this.#change = this.#reload(parcel).finally(() => {
      this.#change = undefined;
    });
    return this.#change;
  }

  /** Has all workers finish what is under way, and end. */
  async finish(drain: Drain): Promise<AllEnded> {
    this.#stops = true;
    this.#starting = undefined;
    for (const replacement of this.#replacements) {
      clearTimeout(replacement);
    }
    return await finishAll([...this.#members], drain);
  }

  /** Ends all workers on the spot. */
  kill(): void {
    this.#stops = true;
    for (const member of this.#members) {
      void member.kill();
    }
  }

  #begin(number: number): void {
    if (this.#stops) {
      return;
    }
    let member: Member;
    try {
      member = this.#fork(number);
    } catch (error) {
      this.#cannotBegin(number, error);
      return;
    }
    this.#members.add(member);
    void member.ended.then((death) => this.#lost(member, death));
    member.ask("start", { number, parcel: this.#parcel, key: this.#key }, longestForStart).then(
      (url) => this.#listens(member, url),
      (error: unknown) => this.#cannotStart(member, error),
    );
  }

  #fork(number: number): Member {
    return new Member(number, (who) => ({
      page: () => this.#totals.page([...this.#members].filter(({ listens }) => listens)),
      tell: (finding) => this.#tellOthers(who, "hear", finding),
      changed: (change) => this.#tellOthers(who, "hearChange", change),
      enter: (key) => this.#turns.enter(key, who),
      exit: (key) => this.#turns.exit(key, who),
    }));
  }

  /** For want of memory, say: all that serve go on, and it is tried again. */
  #cannotBegin(number: number, error: unknown): void {
    const problem = messageOf(error);
    this.#log.error({ worker: number }, `worker cannot be begun: ${problem}`);
    if (!this.#isHopeless(problem)) {
      this.#replace(number, this.#backoff.after(number, 0));
    }
  }

  async #tellOthers<Name extends "hear" | "hearChange">(
    member: Member,
    name: Name,
    question: ToWorker[Name]["question"],
  ): Promise<void> {
    // One that does not listen yet, as far as is known here, may do so by now.
    const others = [...this.#members].filter((one) => one !== member && one.hears);
    await Promise.allSettled(others.map((other) => other.ask(name, question, longestForHearing)));
  }

  #listens(member: Member, url: string): void {
    member.listens = true;
    this.#log.info({ worker: member.number, pid: member.pid }, "worker is ready");
    if (this.#url !== undefined && this.#url !== url) {
      // All had died at once, and the system was to choose the port.
      this.#log.info({}, `listening on ${url}`);
    }
    this.#url = url;
    this.#seeWhetherStarted();
  }

  /** With one that listens, all is there that the others' successors need. */
  #seeWhetherStarted(): void {
    if (this.#url !== undefined && [...this.#members].every(({ listens }) => listens)) {
      this.#starting?.resolve(this.#url);
    }
  }

  #cannotStart(member: Member, error: unknown): void {
    if (error instanceof LineGone || !this.#members.has(member)) {
      return; // It has died, and is replaced for that.
    }
    if (this.#url === undefined && !(error instanceof LineLate)) {
      this.#starting?.reject(error);
    } else {
      this.#log.error({ worker: member.number }, `worker cannot start: ${messageOf(error)}`);
      void member.kill();
    }
  }

  #lost(member: Member, death: Death): void {
    this.#members.delete(member);
    this.#totals.ended(member, { died: !this.#stops });
    this.#turns.leave(member);
    if (this.#stops) {
      return;
    }
    const { number: worker, pid } = member;
    this.#log.error({ worker, pid, ...death }, "a worker died, another one takes its place");
    if (this.#isHopeless(death.signal ?? `code ${death.code}`)) {
      return;
    }
    this.#seeWhetherStarted();
    this.#replace(worker, this.#backoff.after(worker, member.age));
  }

  /** Whether so many have ended before any listened that another one would, too; then nothing is started. */
  #isHopeless(how: string): boolean {
    if (this.#url !== undefined) {
      return false;
    }
    this.#deathsBeforeListening += 1;
    if (this.#deathsBeforeListening < mostDeathsBeforeListening) {
      return false;
    }
    this.#starting?.reject(breakdown(`workers end before they listen (${how})`));
    return true;
  }

  #replace(number: number, delay: number): void {
    const replacement = setTimeout(async () => {
      this.#replacements.delete(replacement);
      // A worker that begins in the middle of a change would miss half of it.
      await this.#change?.catch(() => undefined);
      this.#begin(number);
    }, delay);
    this.#replacements.add(replacement);
  }

  async #reload(parcel: Parcel): Promise<void> {
    const members = [...this.#members];
    await prepareAll(members, parcel, this.#log);
    this.#parcel = parcel;
    await useAll(members, this.#log);
  }
}
