/** plan.json of a run that segments: its recipe, its cases, and what both rest on. */
import type { SegmentationConfig } from "../../data/volumes/recipe.js";
import { InceptionError } from "../../errors.js";
import type { Fingerprint } from "../../segment/fingerprint.js";
import type { SegmentationPlan } from "../../segment/plan.js";
import { isList, type JsonData, type JsonRecord } from "../../train/json.js";
import type { VolumeDataset } from "../datasets/volume-dataset.js";
import type { Run } from "../open-run.js";

/** Which cases train and which are measured on, and how they become patches. What plan.json says. */
export interface RunPlan {
  readonly recipe: SegmentationConfig;
  readonly batch: number;
  readonly train: readonly string[];
  readonly validation: readonly string[];
}

/** plan.json: what the run goes on from, and why it is as it is. */
export function planJson(plan: RunPlan, { medianShape }: SegmentationPlan, fingerprint: Fingerprint, dataset: VolumeDataset): JsonRecord {
  // Plain records of numbers and texts.
  const json = (value: unknown): JsonData => JSON.parse(JSON.stringify(value)) as JsonData;
  return {
    dataset: dataset.name,
    licence: dataset.licence,
    recipe: json(plan.recipe),
    batch: plan.batch,
    medianShape,
    train: plan.train,
    validation: plan.validation,
    fingerprint: json(fingerprint),
  };
}

/** Which cases a run trains and measures on. */
export function planOf({ folder, segmentation: recipe, plan }: Run): RunPlan {
  const { batch, train, validation } = plan ?? {};
  const texts = (value: JsonData | undefined): value is readonly string[] => isList(value ?? null) && isStrings(value);
  if (recipe !== null && typeof batch === "number" && texts(train) && texts(validation)) return { recipe, batch, train, validation };
  const fact = plan === null ? "it classifies images; resume it with `resumeTraining`" : "its plan.json has no batch and cases";
  throw new InceptionError("RUN_INVALID", `Cannot use run "${folder}" to segment: ${fact}`, { folder });
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
