import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { checkout } from "../src/checkout.ts";
import { declaredNames } from "../src/declared-names.ts";

// Private vocabulary where the field has a term: a singleflight was `SharedWork`, a negative cache an `AbsenceMemory`, failover
// a `walk`. A reader who knows registries and proxies had to learn these words first, so no identifier has such a name again.
const everywhere = words(`
  AbsenceMemory admit askAlone askAnyway askAsStranger Asker AuthorizedAsker Bounded ClientGone comesBack
  conclude Conclusion consult consultAlone Consultation consultBy consultManifest consultQuietly Copying
  copyingFor Crew directly endOfTurn EndOfTurn Entrance entranceOf errand Errand errandOf extentOf
  failureError failureOf flights Flights forAll foresee Foreseen forgetSuspect forOne giveUp
  giveUpIfStill Guard handOver HolderMemory impersonalWish inHand insists isAdmitted isForAll isLate
  joinMetrics joinTwice keepFromTrials keepManifest keptManifest KeptManifest lastChance learnOwner
  Leases LineGone LineLate ManifestMemory mayBeOwnFailure mender Mender menderOf namesType Narrowing
  nobodyHasIt nobodyJoins nobodyYet oneAtATime OneByOne outliving OwnerMemory OwnErrand packParcel Parcel
  passOver pour pourFrom PourOptions proofOf readBounded ReferrersApis RightPasswords Ruling sendKept
  Services ShadowMemory SharedByRepository SharedWork shareManifest Surroundings Survey surviveBugs
  Suspects totalsOf Trips turnedAway Unlisting unlistingOf unpackParcel useAll Verdict withinTime
  withoutProxiesIfOwned WorkerTurns wouldAdmit WrittenRule`);

// The command line program uses these words for something else, or in their everyday meaning.
const inCore = words(`
  accepted Answer ask began busy changed Copied deliver drained Existence Extent forEach goOn Grant
  healed hear insist join judge Known late Latest limited moved nowhere Owners pass patience Place Places
  Proof Question reached recognise Refusal repeat Route Sender spared Step stranger tell Timed trial
  tryAgain Turns walk Walk Who wish Wish Wishes Word`);

// Core uses these words for something else, or in their everyday meaning.
const inCli = words(`
  Answers Beginning Death Failures Finding Foundation Guesses Judgement Ledger Line Member Patience
  Prepared Questions Totals Wanted`);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** `packages/core/src/pull/failover.ts:12 walk` for each retired name that a source file of the package declares. */
function retiredIn(name: string, retired: readonly string[]): string[] {
  const folder = `packages/${name}/src`;
  const files = readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts")).sort();
  expect(sources.length).toBeGreaterThan(50);
  return sources.flatMap((file) => {
    const declared = declaredNames(join(checkout, folder, file));
    return declared
      .filter((one) => retired.includes(one.name))
      .map((one) => `${folder}/${file}:${one.line} ${one.name}`);
  });
}

describe("no identifier has a retired name", () => {
  it.each([
    ["core", [...everywhere, ...inCore]],
    ["cli", [...everywhere, ...inCli]],
  ])("in %s", (name, retired) => {
    expect(retiredIn(name, retired)).toEqual([]);
  });

  it("wherever the name is declared", () => {
    const text = `
import { a as imported, other } from "./a.ts";
function declared({ bound, key: renamed }, ...rest) {}
class Thing<Type> { #hidden = 1; get read() { return other; } run(input) {} }
interface Shape { member: string; call(): void }
const value = other.property, literal = { of: other };
`;
    const names = declaredNames("a.ts", text).map(({ name, line }) => `${line} ${name}`);
    expect(names.join(", ")).toBe(
      "2 imported, 3 declared, 3 bound, 3 renamed, 3 rest, 4 Thing, 4 Type, 4 hidden, 4 read, 4 run, 4 input, " +
        "5 Shape, 5 member, 5 call, 6 value, 6 literal",
    );
  });
});
