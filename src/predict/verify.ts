import { compileInference } from "../compile/compile.js";
import { InceptionError } from "../errors.js";
import { concatChunks } from "../formats/onnx/encode.js";
import { describeModel, type GivenOptions } from "../models/index.js";
import type { WeightSet } from "../models/weight-set.js";
import { WEIGHT_SETS } from "../models/weights.js";
import type { Session } from "../runtime/session.js";
import { fillCheckpointTensor, fillUniform } from "../tensor/fill.js";
import { elementCount, float32Tensor, type Tensor } from "../tensor/tensor.js";
import { loadWeights } from "../weights/apply.js";
import type { TensorEntry, WeightFile } from "../weights/weight-file.js";
import type { GoldenCase, GoldenFile, GoldenRows, GoldenStage } from "./golden-file.js";

/** What verification needs from its platform. */
export interface VerifyPlatform {
  readonly createSession: (model: Uint8Array) => Promise<Session>;
  /** Hexadecimal SHA-256. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** Called when a case begins. */
  readonly onCase?: (name: string) => void;
}

export interface VerifiedCase {
  readonly name: string;
  /** The largest error of all checks, in units of the spread that the golden file states for each. */
  readonly worst: number;
  readonly tolerance: number;
  readonly pass: boolean;
  readonly checks: readonly VerifiedCheck[];
}

export interface VerifiedCheck {
  /** An output ("logits_1000", "embedding") or the path of a module. */
  readonly name: string;
  readonly worst: number;
}

/**
 * Allowed error of a float32 run, in units of the spread. PyTorch's own float32 stays below 1.2e-5; one wrong epsilon in
 * one layer moves the logits by 1e-4 or more (test/goldens/README.md).
 */
export const VERIFY_TOLERANCE = 5e-5;

/**
 * Run every case of a golden file: fill the source's checkpoint, import it under the source's names, compile, run, and
 * compare logits, embeddings and every listed stage.
 *
 * @throws InceptionError MODEL_UNKNOWN for a golden of a network that is not here; HASH_MISMATCH where the formula gives other numbers
 */
export async function verifyGolden(golden: GoldenFile, platform: VerifyPlatform): Promise<readonly VerifiedCase[]> {
  const set = WEIGHT_SETS.find((candidate) => candidate.golden === golden.model);
  if (set === undefined) {
    const known = WEIGHT_SETS.flatMap((candidate) => candidate.golden ?? []).join(", ");
    throw new InceptionError("MODEL_UNKNOWN", `Cannot verify golden of "${golden.model}": expected one of ${known}`, {
      model: golden.model,
    });
  }
  checkFill(golden, platform);
  const cases: VerifiedCase[] = [];
  for (const goldenCase of golden.cases) {
    platform.onCase?.(goldenCase.name);
    const checks: VerifiedCheck[] = [];
    for (const numClasses of [1000, 10] as const) checks.push(...(await runCase(golden, set, goldenCase, numClasses, platform)));
    const worst = checks.map((check) => check.worst).reduce(largest, 0);
    cases.push({ name: goldenCase.name, worst, tolerance: VERIFY_TOLERANCE, pass: worst <= VERIFY_TOLERANCE, checks });
  }
  return cases;
}

function checkFill(golden: GoldenFile, platform: VerifyPlatform): void {
  for (const [key, shape] of golden.stateDict) {
    const expected = golden.fillHashes[key];
    if (expected !== undefined) checkHash(platform, key, fillCheckpointTensor(key, shape), expected);
  }
}

function checkHash(platform: VerifyPlatform, key: string, values: Float32Array, expected: string): void {
  const actual = platform.sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  if (actual !== expected) {
    throw new InceptionError("HASH_MISMATCH", `Cannot verify: filling "${key}" gives SHA-256 ${actual}, the golden file says ${expected}`, {
      key,
    });
  }
}

async function runCase(
  golden: GoldenFile,
  set: WeightSet,
  goldenCase: GoldenCase,
  numClasses: 10 | 1000,
  platform: VerifyPlatform,
): Promise<readonly VerifiedCheck[]> {
  const rows = goldenCase.rows.filter((candidate) => candidate.numClasses === numClasses);
  const stages = numClasses === 1000 ? goldenCase.stages : [];
  if (rows.length === 0 && stages.length === 0) return [];
  const [, , height, width] = goldenCase.input.shape;
  const auxiliary: GivenOptions = rows.some((candidate) => candidate.auxiliary) ? { aux: true } : {};
  const graph = describeModel(set.model, { numClasses, inputSize: [height, width], ...auxiliary });
  const { parameters } = await loadWeights(graph, filledCheckpoint(golden, numClasses), set.map);
  const outputs = [...rows.map((row) => row.output), ...stages.map((stage) => stage.path)];
  const unique = [...new Set(outputs)];
  const session = await platform.createSession(concatChunks(compileInference(graph, parameters, { outputs: unique }).chunks));
  try {
    const results = await session.run({ input: caseInput(goldenCase, platform) });
    return [
      ...rows.map((row) => ({ name: row.name, worst: rowsError(row, results[row.output]) })),
      ...stages.map((stage) => ({ name: stage.path, worst: stageError(stage, results[stage.path]) })),
    ];
  } finally {
    await session.close();
  }
}

function caseInput(golden: GoldenCase, platform: VerifyPlatform): Tensor {
  const { key, shape, range, sha256 } = golden.input;
  const values = fillUniform(key, elementCount(shape), range[0], range[1]);
  checkHash(platform, key, values, sha256);
  return float32Tensor(shape, values);
}

/** The source's checkpoint as a weight file: its keys and shapes, filled when read. */
function filledCheckpoint(golden: GoldenFile, numClasses: 10 | 1000): WeightFile {
  const other = new Map(numClasses === 10 ? golden.stateDict10 : []);
  const tensors = golden.stateDict.map(([name, declared]): readonly [string, TensorEntry] => {
    const shape = other.get(name) ?? declared;
    const counter = name.endsWith(".num_batches_tracked");
    const read = async (): Promise<Tensor> =>
      counter
        ? { dtype: "int64", shape, data: new BigInt64Array(elementCount(shape)) }
        : float32Tensor(shape, fillCheckpointTensor(name, shape));
    return [name, { name, dtype: counter ? "int64" : "float32", shape, read }];
  });
  return { format: "golden", metadata: {}, tensors: new Map(tensors) };
}

function rowsError(golden: GoldenRows, actual: Tensor | undefined): number {
  if (actual === undefined || actual.shape[0] !== golden.rows.length) return Number.NaN;
  const length = actual.data.length / golden.rows.length;
  let worst = 0;
  for (const [row, values] of golden.rows.entries()) {
    for (const [index, value] of values.entries()) worst = largest(worst, Math.abs(Number(actual.data[row * length + index]) - value));
  }
  return worst / golden.spread;
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

/** Like Math.max, but once NaN stays NaN, so that a missing value cannot pass. */
function largest(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b);
}
