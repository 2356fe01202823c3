import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { evenly, HELD_OUT, heldOut } from "../../tasks/quantize/split.js";

/** The files whose values set the ranges, and those that show what was lost. No file is among both. */
export interface Samples {
  readonly calibration: readonly string[];
  readonly evaluation: readonly string[];
}

interface SampleChoice {
  /** Folder of files such as the network will see. */
  readonly calibrate: string;
  /** Another folder to measure on; undefined sets every fifth file of the first aside. */
  readonly evaluate?: string | undefined;
  /** Most to calibrate with, taken evenly from all, so that every class of a sorted folder is among them. */
  readonly most: number;
}

/** What files hold, and how a folder of them is listed. */
interface SampleKind {
  readonly name: "images" | "volumes";
  readonly list: (paths: readonly string[]) => Promise<readonly string[]>;
}

/**
 * Choose files, the same ones each time.
 *
 * @throws InceptionError DATASET_INVALID where one of the two sets would be empty; FILE_NOT_FOUND
 */
export async function chooseSamples({ name, list }: SampleKind, { calibrate, evaluate, most }: SampleChoice): Promise<Samples> {
  const all = await list([calibrate]);
  const evaluation = evaluate === undefined ? heldOut(all) : await list([evaluate]);
  const aside = new Set(evaluation.map((file) => path.resolve(file)));
  const rest = all.filter((file) => !aside.has(path.resolve(file)));
  if (evaluation.length === 0) {
    const requirement = `at least ${HELD_OUT}, of which one is held out, or another directory for evaluation`;
    throw evaluate === undefined
      ? invalid("calibrate on", calibrate, `${all.length} ${name}`, requirement)
      : invalid("evaluate on", evaluate, `no ${name}`, "at least one");
  }
  if (rest.length > 0) return { calibration: evenly(rest, most), evaluation };
  throw invalid("calibrate on", calibrate, all.length === 0 ? `no ${name}` : `only the ${name} that are evaluated`, "others");
}

function invalid(action: string, folder: string, found: string, expected: string): InceptionError {
  return new InceptionError("DATASET_INVALID", `Cannot ${action} "${messageOf(folder)}": it has ${found}, expected ${expected}`, {
    folder,
  });
}
