import path from "node:path";
import type { ShownCalibration } from "../../report/reliability.js";
import type { ScoredSet } from "../../report/scored-set.js";
import { runReport } from "../../report/training.js";
import type { RunSettings } from "../../tasks/training/learning.js";
import { parameterCount, type RunNetwork } from "../../tasks/training/run-network.js";
import type { StepPoint } from "../../train/history.js";
import type { JsonRecord } from "../../train/json.js";
import type { LoopEnd, Progress } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";
import { formatDuration } from "../../train/progress.js";
import { settingsJson } from "../../train/settings.js";
import { RUN_FILES } from "../open-run.js";
import type { RunWriter } from "../run-folder.js";
import { namedSettings, sourceName, startingWeightsJson } from "./source-names.js";

/** A run after its last step. */
interface FinishedRun {
  readonly writer: RunWriter;
  readonly network: RunNetwork;
  readonly settings: RunSettings;
  readonly classes: readonly string[];
  readonly progress: Progress;
  readonly end: LoopEnd;
  readonly stepsPerEpoch: number;
  readonly steps: readonly StepPoint[];
  readonly secondsPerStep: number | null;
  readonly environment: readonly (readonly [string, string])[];
}

/** What the report of one kind of training has beside what every report has. */
export interface ReportOfTask {
  /** Of the best epoch of a classifier. */
  readonly evaluation: Evaluation | null;
  readonly calibration?: ShownCalibration | undefined;
  /** Scores of whole validation volumes. */
  readonly volumes?: ScoredSet | undefined;
  /** Images that were misclassified, as data URLs by index. */
  readonly pictures: ReadonlyMap<number, string>;
  readonly facts: readonly (readonly [string, string])[];
  /** What the configuration says instead of, or beside, the settings. */
  readonly configuration: JsonRecord;
}

/** Writes the report of a run; returns its path. */
export async function writeRunReport(run: FinishedRun, { facts, configuration, ...results }: ReportOfTask): Promise<string> {
  const { writer, network, settings, progress } = run;
  const html = runReport({
    title: `${network.model} on ${sourceName(settings.data)}`,
    model: network.model,
    dataset: sourceName(settings.data),
    status: run.end,
    epochs: settings.epochs,
    stepsPerEpoch: run.stepsPerEpoch,
    classes: run.classes,
    history: progress.history,
    metric: settings.metric,
    steps: run.steps,
    ...results,
    facts: [...facts, ...factsOf(run)],
    configuration: {
      model: network.model,
      options: network.options,
      ...namedSettings(settingsJson(settings)),
      ...configuration,
      ...startingWeightsJson(network.startingWeights),
    },
    environment: run.environment,
  });
  await writer.writeReport(html);
  return path.join(writer.folder, RUN_FILES.report);
}

/** Cards of any run: how large the network is, how long it was trained. */
function factsOf({ network, progress, secondsPerStep }: FinishedRun): readonly (readonly [string, string])[] {
  return [
    ["parameters", parameterCount(network).toLocaleString("en-US")],
    ["steps", progress.position.step.toLocaleString("en-US")],
    ...(secondsPerStep === null
      ? []
      : [
          ["time per step", `${secondsPerStep.toPrecision(3)} s`] as const,
          ["training time", formatDuration(secondsPerStep * progress.position.step)] as const,
        ]),
  ];
}
