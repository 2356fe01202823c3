import path from "node:path";
import type { SegmentationRecipe } from "../../data/volumes/recipe.js";
import { runReport } from "../../report/training.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { StepPoint } from "../../train/history.js";
import type { JsonRecord } from "../../train/json.js";
import type { LoopEnd, Progress } from "../../train/loop.js";
import type { SegmentationSettings } from "../../train/segmentation-settings.js";
import { settingsJson } from "../../train/settings.js";
import { RUN_FILES } from "../open-run.js";
import type { RunWriter } from "../run-folder.js";
import { runFacts } from "./run-report.js";
import { namedSettings, sourceName } from "./source-names.js";
import type { SegmentationValidation } from "./validate-segmentation.js";

interface SegmentationReportParts {
  readonly writer: RunWriter;
  readonly network: { readonly model: string; readonly options: JsonRecord; readonly parameters: ReadonlyMap<string, Tensor> };
  readonly settings: SegmentationSettings;
  readonly plan: {
    readonly batch: number;
    readonly recipe: SegmentationRecipe;
    readonly train: readonly string[];
    readonly validation: readonly string[];
  };
  readonly labels: readonly string[];
  readonly progress: Progress;
  readonly end: LoopEnd;
  /** Of whole volumes; null where none were set aside. */
  readonly validation: SegmentationValidation | null;
  readonly stepsPerEpoch: number;
  readonly steps: readonly StepPoint[];
  readonly secondsPerStep: number | null;
  readonly environment: readonly (readonly [string, string])[];
}

/** Write the report of a run that segments; returns its path. */
export async function writeSegmentationReport(parts: SegmentationReportParts): Promise<string> {
  const { writer, network, settings, plan, progress } = parts;
  const html = runReport({
    title: `${network.model} on ${sourceName(settings.data)}`,
    model: network.model,
    dataset: sourceName(settings.data),
    status: parts.end,
    epochs: settings.epochs,
    stepsPerEpoch: parts.stepsPerEpoch,
    classes: parts.labels,
    history: progress.history,
    metric: settings.metric,
    steps: parts.steps,
    evaluation: null,
    pictures: new Map(),
    facts: [
      ...wholeDice(parts),
      ["cases trained and measured on", `${plan.train.length} and ${plan.validation.length}`],
      ...runFacts(parts),
    ],
    configuration: {
      model: network.model,
      options: network.options,
      ...namedSettings(settingsJson(settings)),
      batch: plan.batch,
      patchSize: plan.recipe.patchSize,
    },
    environment: parts.environment,
  });
  await writer.writeReport(html);
  return path.join(writer.folder, RUN_FILES.report);
}

function wholeDice({ validation, plan, labels }: SegmentationReportParts): readonly (readonly [string, string])[] {
  if (validation === null) return [];
  const nameOf = (value: number): string => labels[plan.recipe.labelValues.indexOf(value)] ?? String(value);
  const shown = (value: number | null): string => (value === null ? "–" : value.toFixed(4));
  return [
    ["mean Dice of whole volumes", shown(validation.meanDice)],
    ...validation.mean.map(({ label, dice }) => [`Dice of ${nameOf(label)}`, shown(dice)] as const),
    ...validation.mean.map(({ label, hd95 }) => [`HD95 of ${nameOf(label)}`, hd95 === null ? "–" : `${hd95.toFixed(2)} mm`] as const),
  ];
}
