import path from "node:path";
import type { Tensor } from "../../tensor/tensor.js";
import type { EpochRow } from "../../train/history.js";
import type { JsonRecord } from "../../train/json.js";
import type { LoopEnd, Progress } from "../../train/loop.js";
import { formatDuration } from "../../train/progress.js";
import { runReport, type StepPoint } from "../../train/report.js";
import type { SegmentationSettings } from "../../train/segmentation-settings.js";
import { settingsJson } from "../../train/settings.js";
import { RUN_FILES } from "../open-run.js";
import type { RunWriter } from "../run-folder.js";

export interface SegmentationReportParts {
  readonly writer: RunWriter;
  readonly network: { readonly model: string; readonly options: JsonRecord; readonly parameters: ReadonlyMap<string, Tensor> };
  readonly settings: SegmentationSettings;
  readonly plan: {
    readonly batch: number;
    readonly recipe: { readonly patchSize: readonly number[] };
    readonly train: readonly string[];
    readonly validation: readonly string[];
  };
  readonly labels: readonly string[];
  readonly progress: Progress;
  readonly end: LoopEnd;
  readonly stepsPerEpoch: number;
  readonly steps: readonly StepPoint[];
  readonly secondsPerStep: number | null;
  readonly environment: readonly (readonly [string, string])[];
}

/** Write the report of a run that segments; returns its path. */
export async function writeSegmentationReport(parts: SegmentationReportParts): Promise<string> {
  const { writer, network, settings, plan, progress } = parts;
  const html = runReport({
    title: `${network.model} on ${settings.data}`,
    model: network.model,
    dataset: settings.data,
    status: parts.end,
    epochs: settings.epochs,
    stepsPerEpoch: parts.stepsPerEpoch,
    classes: parts.labels,
    history: progress.history,
    metric: settings.metric,
    steps: parts.steps,
    evaluation: null,
    pictures: new Map(),
    facts: [...lastDice(progress.history.at(-1), parts.labels), ...runFacts(parts)],
    configuration: {
      model: network.model,
      options: network.options,
      ...settingsJson(settings),
      batch: plan.batch,
      patchSize: plan.recipe.patchSize,
    },
    environment: parts.environment,
  });
  await writer.writeReport(html);
  return path.join(writer.folder, RUN_FILES.report);
}

function lastDice(row: EpochRow | undefined, labels: readonly string[]): readonly (readonly [string, string])[] {
  return (row?.dice ?? []).map((value, index) => [`Dice of ${labels[index + 1] ?? `class ${index + 1}`}, last epoch`, value.toFixed(4)]);
}

function runFacts({ network, plan, progress, secondsPerStep }: SegmentationReportParts): readonly (readonly [string, string])[] {
  const parameters = [...network.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  return [
    ["cases trained and measured on", `${plan.train.length} and ${plan.validation.length}`],
    ["parameters", parameters.toLocaleString("en-US")],
    ["steps", progress.position.step.toLocaleString("en-US")],
    ...(secondsPerStep === null
      ? []
      : [
          ["time per step", `${secondsPerStep.toPrecision(3)} s`] as const,
          ["training time", formatDuration(secondsPerStep * progress.position.step)] as const,
        ]),
  ];
}
