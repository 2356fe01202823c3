import { compileInference } from "../compile/compile.js";
import { InceptionError } from "../errors.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { resize } from "../layers/resize.js";
import { findModel, type OptionInput } from "../models/index.js";
import type { WeightSet } from "../models/weight-set.js";
import { WEIGHT_SETS } from "../models/weights.js";
import { GraphBuilder } from "../ops/build.js";
import { fillCheckpointTensor } from "../tensor/fill.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { loadWeights, toFloat32 } from "../weights/apply.js";
import { goldenRoot } from "./golden-field.js";
import { type GoldenCase, type GoldenEntry, type GoldenFile, type GoldenRows, type GoldenStage, readGoldenFile } from "./golden-file.js";
import { checkHash, filledCheckpoint, filledInput } from "./golden-fill.js";
import { isTrainingGolden, readTrainingGolden } from "./training-golden.js";
import { concluded, largest, type VerifiedCase, type VerifiedCheck, type VerifyPlatform } from "./verified.js";
import { verifyTraining } from "./verify-training.js";

/**
 * Allowed error of a float32 run, in units of the spread. PyTorch's own float32 stays below 1.2e-5; one wrong epsilon in
 * one layer moves the logits by 1e-4 or more (test/goldens/README.md).
 */
const VERIFY_TOLERANCE = 5e-5;

/** The same behind pytorch-fid's resizing, whose coefficients PyTorch computes in float32: its own run is off by 2.2e-4. */
const RESIZED_TOLERANCE = 1e-3;

/** What a golden file is about: a network's outputs, or steps of training. */
export type VerifiedKind = "network" | "training";

/**
 * Read a golden file of either kind, run it, compare.
 *
 * @param file - its name, for messages
 * @throws InceptionError FILE_CORRUPT and FILE_UNSUPPORTED; and what `verifyGolden` and `verifyTraining` throw
 */
export async function verifyGoldenText(
  text: string,
  file: string,
  platform: VerifyPlatform,
): Promise<{ readonly kind: VerifiedKind; readonly cases: readonly VerifiedCase[] }> {
  const root = goldenRoot(text, file);
  if (isTrainingGolden(root)) return { kind: "training", cases: await verifyTraining(readTrainingGolden(root), platform) };
  return { kind: "network", cases: await verifyGolden(readGoldenFile(root), platform) };
}

/**
 * Run every case of a golden file: fill the source's checkpoint, import it under the source's names, compile, run, and
 * compare logits, embeddings and every listed stage.
 *
 * @throws InceptionError MODEL_UNKNOWN for a golden of a network that is not here; HASH_MISMATCH where the formula gives other numbers
 */
async function verifyGolden(golden: GoldenFile, platform: VerifyPlatform): Promise<readonly VerifiedCase[]> {
  const set = WEIGHT_SETS.find((candidate) => candidate.goldens?.includes(golden.model));
  if (set === undefined) {
    const known = WEIGHT_SETS.flatMap((candidate) => candidate.goldens ?? []).join(", ");
    throw new InceptionError("MODEL_UNKNOWN", `Cannot verify reference outputs of "${golden.model}": expected one of ${known}`, {
      model: golden.model,
    });
  }
  checkFill(golden, platform);
  const cases: VerifiedCase[] = [];
  for (const goldenCase of golden.cases) {
    platform.onCase?.(goldenCase.name);
    const checks: VerifiedCheck[] = [];
    for (const numClasses of [golden.numClasses, 10]) checks.push(...(await runCase(golden, set, goldenCase, numClasses, platform)));
    cases.push(concluded(goldenCase.name, checks));
  }
  return cases;
}

function checkFill(golden: GoldenFile, platform: VerifyPlatform): void {
  for (const [key, shape] of golden.stateDict) {
    const expected = golden.fillHashes[key];
    if (expected !== undefined) checkHash(platform, key, fillCheckpointTensor(key, shape), expected);
  }
}

async function runCase(
  golden: GoldenFile,
  set: WeightSet,
  goldenCase: GoldenCase,
  numClasses: number,
  platform: VerifyPlatform,
): Promise<readonly VerifiedCheck[]> {
  const rows = goldenCase.rows.filter((candidate) => candidate.numClasses === numClasses);
  const stages = numClasses === golden.numClasses ? goldenCase.stages : [];
  if (rows.length === 0 && stages.length === 0) return [];
  const input = await caseInput(goldenCase, platform);
  const auxiliary: OptionInput = rows.some((candidate) => candidate.auxiliary) ? { aux: true } : {};
  const graph = findModel(set.model).describe({ ...set.options, numClasses, inputSize: input.shape.slice(2), ...auxiliary });
  const { parameters } = await loadWeights(graph, filledCheckpoint(checkpointEntries(golden, numClasses)), set.map);
  const modules = new Map(Object.entries(set.modules ?? {}));
  const moduleOf = ({ path }: GoldenStage): string => modules.get(path) ?? path;
  const outputs = [...rows.map((row) => row.output), ...stages.map(moduleOf)];
  const unique = [...new Set(outputs)];
  const tolerance = goldenCase.resized ? RESIZED_TOLERANCE : VERIFY_TOLERANCE;
  const session = await platform.createSession(concatChunks(compileInference(graph, parameters, { outputs: unique }).chunks), golden.model);
  try {
    const results = await session.run({ input });
    return [
      ...rows.map((row) => ({ name: row.name, worst: rowsError(row, results[row.output]), tolerance })),
      ...stages.map((stage) => ({ name: stage.path, worst: stageError(stage, results[moduleOf(stage)]), tolerance })),
    ];
  } finally {
    await session.close();
  }
}

/** What the network reads: the filled input, brought to 299×299 and from [0, 1] to [−1, 1] where the source did that first. */
async function caseInput({ input, resized }: GoldenCase, platform: VerifyPlatform): Promise<Tensor> {
  const filled = filledInput(input, platform);
  if (!resized) return filled;
  const b = new GraphBuilder("resize");
  b.output("resized", resize(b, "resize", b.input("input", input.shape), { sizes: [299, 299], mode: "linear" }));
  const session = await platform.createSession(concatChunks(compileInference(b.finish(), new Map()).chunks), "resize");
  try {
    const { resized: values } = await session.run({ input: filled });
    if (values === undefined) throw new RangeError('Cannot resize: the session gave no output "resized"');
    return float32Tensor(
      values.shape,
      toFloat32("resized", values).map((value) => 2 * value - 1),
    );
  } finally {
    await session.close();
  }
}

function checkpointEntries(golden: GoldenFile, numClasses: number): readonly GoldenEntry[] {
  const other = new Map(numClasses === 10 ? golden.stateDict10 : []);
  return golden.stateDict.map(([name, shape]) => [name, other.get(name) ?? shape]);
}

function rowsError(golden: GoldenRows, actual: Tensor | undefined): number {
  if (actual === undefined || actual.shape[0] !== golden.rows.length) return Number.NaN;
  const flat = golden.averaged ? channelAverages(actual) : actual.data;
  const length = flat.length / golden.rows.length;
  let worst = 0;
  for (const [row, values] of golden.rows.entries()) {
    for (const [index, value] of values.entries()) worst = largest(worst, Math.abs(Number(flat[row * length + index]) - value));
  }
  return worst / golden.spread;
}

/** The mean of each channel of a map [N, C, spatial…], row by row. */
function channelAverages({ shape, data }: Tensor): Float64Array {
  const channels = (shape[0] ?? 0) * (shape[1] ?? 0);
  const positions = data.length / channels;
  const averages = new Float64Array(channels);
  for (let index = 0; index < data.length; index++) {
    const channel = Math.floor(index / positions);
    averages[channel] = (averages[channel] ?? 0) + Number(data[index]) / positions;
  }
  return averages;
}

function stageError(golden: GoldenStage, actual: Tensor | undefined): number {
  if (actual === undefined || actual.shape.join() !== golden.shape.join()) return Number.NaN;
  const { data } = actual;
  const count = data.length;
  let worst = 0;
  for (let k = 0; k < golden.grid.length; k++) {
    const index = Math.floor((k * count) / golden.grid.length);
    worst = largest(worst, Math.abs(Number(data[index]) - (golden.grid[k] ?? Number.NaN)));
    worst = largest(worst, Math.abs(Number(data[(index + 4391 + 7919 * k) % count]) - (golden.scatter[k] ?? Number.NaN)));
  }
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const value = Number(data[i]);
    sum += value;
    squares += value * value;
  }
  worst = largest(worst, Math.abs(sum / count - golden.mean));
  // The norm grows with √count; per element it has the unit of the values.
  worst = largest(worst, Math.abs(Math.sqrt(squares) - golden.l2) / Math.sqrt(count));
  return worst / golden.std;
}
