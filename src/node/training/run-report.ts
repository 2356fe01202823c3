import path from "node:path";
import sharp from "sharp";
import type { DatasetSource } from "../../data/dataset-source.js";
import { runReport } from "../../report/training.js";
import type { StepPoint } from "../../train/history.js";
import type { LoopEnd, Progress } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";
import { formatDuration } from "../../train/progress.js";
import { settingsJson, type TrainingSettings } from "../../train/settings.js";
import { openSampleReader } from "../datasets/sample-reader.js";
import { RUN_FILES } from "../open-run.js";
import type { RunWriter } from "../run-folder.js";
import type { TrainingNetwork } from "./prepare-network.js";
import { namedSettings, sourceName, startingWeightsJson } from "./source-names.js";

interface RunReportParts {
  readonly writer: RunWriter;
  readonly network: TrainingNetwork;
  readonly settings: TrainingSettings;
  readonly progress: Progress;
  readonly end: LoopEnd;
  readonly stepsPerEpoch: number;
  readonly classes: readonly string[];
  /** Of the best epoch. */
  readonly evaluation: Evaluation | null;
  readonly val: DatasetSource | null;
  readonly steps: readonly StepPoint[];
  readonly secondsPerStep: number | null;
  readonly environment: readonly (readonly [string, string])[];
}

/** Write the report of a run; returns its path. */
export async function writeRunReport(parts: RunReportParts): Promise<string> {
  const { writer, network, settings, progress, end, evaluation, val, steps, environment } = parts;
  const pictures = val && evaluation ? await mistakePictures(val, evaluation) : new Map<number, string>();
  const html = runReport({
    title: `${network.model} on ${sourceName(settings.data)}`,
    model: network.model,
    dataset: sourceName(settings.data),
    status: end,
    epochs: settings.epochs,
    stepsPerEpoch: parts.stepsPerEpoch,
    classes: parts.classes,
    history: progress.history,
    metric: settings.metric,
    steps,
    evaluation,
    pictures,
    facts: runFacts(parts),
    configuration: {
      model: network.model,
      options: network.options,
      ...namedSettings(settingsJson(settings)),
      ...startingWeightsJson(network.startingWeights),
    },
    environment,
  });
  await writer.writeReport(html);
  return path.join(writer.folder, RUN_FILES.report);
}

/** Cards of any run: how large the network is, how long it was trained. */
export function runFacts({
  network,
  progress,
  secondsPerStep,
}: {
  readonly network: Pick<TrainingNetwork, "parameters">;
  readonly progress: Progress;
  readonly secondsPerStep: number | null;
}): readonly (readonly [string, string])[] {
  const parameters = [...network.parameters.values()].reduce((sum, { data }) => sum + data.length, 0);
  return [
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

/** Side of a picture of a mistake, in pixels. */
const PICTURE_SIDE = 160;

/** The worst mistakes as pictures. One that cannot be read any more is left out: the report must not fail for it. */
async function mistakePictures(val: DatasetSource, { mistakes }: Evaluation): Promise<ReadonlyMap<number, string>> {
  const reader = openSampleReader(val.samples, 0);
  const pictures = new Map<number, string>();
  try {
    for (const { index } of mistakes) {
      const image = await reader.read(index).catch(() => null);
      if (image === null) continue;
      const raw = { width: image.width, height: image.height, channels: image.channels };
      const enlarged = Math.max(image.width, image.height) < PICTURE_SIDE;
      const resized = sharp(image.data, { raw }).resize(PICTURE_SIDE, PICTURE_SIDE, {
        fit: "inside",
        kernel: enlarged ? "nearest" : "lanczos3",
      });
      const bytes = await resized.jpeg({ quality: 82 }).toBuffer();
      pictures.set(index, `data:image/jpeg;base64,${bytes.toString("base64")}`);
    }
    return pictures;
  } finally {
    await reader.close();
  }
}
