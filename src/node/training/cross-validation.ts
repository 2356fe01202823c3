import { stat } from "node:fs/promises";
import path from "node:path";
import { findModel, type ModelName } from "../../models/index.js";
import { resolveSegmentationSettings, type SegmentationSettingsInput } from "../../train/segmentation-settings.js";
import { RUN_FILES } from "../open-run.js";
import { makeRunFolder } from "../run-folder.js";
import { writeFileAtomic } from "../write-file.js";
import { resumeSegmentation, type SegmentedRun, type TrainSegmentationOptions, trainSegmentation } from "./train-segmentation.js";
import { type SegmentationValidation, summed, validationJson } from "./validate-segmentation.js";

/** The folds of a cross-validation with their scores. */
export interface CrossValidation {
  /** Directory of the folds. */
  readonly folder: string;
  /** How many folds there are. */
  readonly total: number;
  /** The folds that are done, in their order; fewer than all where the run was interrupted. */
  readonly folds: readonly { readonly fold: number; readonly run: SegmentedRun; readonly validation: SegmentationValidation }[];
  /** Of all cases together, each measured by the network that has not seen it; null before the last fold is done. */
  readonly all: SegmentationValidation | null;
}

/** What is written beside the folds. */
const CROSS_VALIDATION_FILE = "cross-validation.json";

/**
 * Trains one network per fold, each without that fold, and scores each case with the network that was not trained on
 * it. Run k is the directory `fold-k` below `out`; `cross-validation.json` beside them contains the scores.
 *
 * A second call with the same directory resumes: finished folds are scored again, an interrupted one is resumed.
 *
 * @param given - settings by name, without `fold`
 * @throws InceptionError as `trainSegmentation`
 */
export async function crossValidate<N extends ModelName>(
  id: N,
  given: Omit<SegmentationSettingsInput, "fold">,
  options: TrainSegmentationOptions<N>,
): Promise<CrossValidation> {
  const { folds } = resolveSegmentationSettings({ ...given, fold: 0 });
  const folder = options.out ?? (await makeRunFolder(findModel(id).id));
  const done: CrossValidation["folds"][number][] = [];
  for (let fold = 0; fold < folds; fold++) {
    const out = path.join(folder, `fold-${fold}`);
    const { options: network, ...resuming } = options;
    const start = async () =>
      (await hasRun(out)) ? resumeSegmentation({ ...resuming, out }) : trainSegmentation(id, { ...given, fold }, { ...options, out });
    const run = await start().catch((thrown: unknown) => {
      if (options.signal?.aborted) return null;
      throw thrown;
    });
    if (run === null || run.validation === null) return { folder, total: folds, folds: done, all: null };
    done.push({ fold, run, validation: run.validation });
  }
  const validations = done.map(({ validation }) => validation);
  const cases = validations.flatMap((each) => each.cases).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const all = summed(
    cases,
    validations.flatMap(({ failed }) => failed),
  );
  const json = {
    ...validationJson(all),
    folds: done.map(({ fold, validation }) => ({
      fold,
      meanDice: validation.meanDice,
      mean: validation.mean,
      cases: validation.cases.length,
    })),
  };
  const bytes = new TextEncoder().encode(`${JSON.stringify(json, null, 1)}\n`);
  await writeFileAtomic(path.join(folder, CROSS_VALIDATION_FILE), [bytes]);
  return { folder, total: folds, folds: done, all };
}

async function hasRun(folder: string): Promise<boolean> {
  return stat(path.join(folder, RUN_FILES.config)).then(
    () => true,
    () => false,
  );
}
