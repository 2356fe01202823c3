/** Types of test/goldens/models and the weight file that their fill describes. */
import { readFileSync } from "node:fs";
import { fillCheckpointTensor } from "../src/tensor/fill.js";
import { float32Tensor } from "../src/tensor/tensor.js";
import type { TensorEntry, WeightFile } from "../src/weights/weight-file.js";
import { goldenPath } from "./shared.js";

export type StateShapes = readonly (readonly [key: string, shape: readonly number[]])[];

export interface ModelGolden {
  readonly model: string;
  /** Every tensor of the public code for 1000 classes, in its order. */
  readonly state_dict: StateShapes;
  /** The tensors that have another shape for 10 classes. */
  readonly state_dict_10_differs: StateShapes;
  readonly parameter_count: Readonly<Record<string, number>>;
  readonly buffer_count_without_num_batches_tracked: number;
  readonly fill_check: { readonly sha256_each: Readonly<Record<string, string>> };
  readonly cases: Readonly<Record<string, ModelCase>>;
}

export interface ModelCase {
  readonly input: { readonly key: string; readonly shape: readonly number[]; readonly sha256: string };
  readonly stages: Readonly<Record<string, Samples>>;
  readonly logits_10: Rows;
  readonly logits_1000: Rows;
  readonly embedding?: { readonly values: Rows };
  readonly aux_logits_bn_eval_dropout0?: { readonly [classes in "10" | "1000"]: { readonly aux1: Rows; readonly aux2: Rows } };
}

/** A tensor by its statistics and two times 16 elements. */
export interface Samples {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  readonly l2: number;
  readonly grid: readonly number[];
  readonly scatter: readonly number[];
}

/** One row per image: all values or the first 32 of n. */
export interface Rows {
  readonly shape: readonly number[];
  readonly rows: readonly {
    readonly n: number;
    readonly values?: readonly number[];
    readonly first?: readonly number[];
    readonly argmax: number;
    readonly sum: number;
    readonly l2: number;
  }[];
  readonly spread_std: number;
}

export function readModelGolden(file: string): ModelGolden {
  return JSON.parse(readFileSync(goldenPath(`models/${file}.json`), "utf8")) as ModelGolden;
}

/** The shapes of the 10-class network. */
export function shapesFor10Classes(golden: ModelGolden): StateShapes {
  const differing = new Map(golden.state_dict_10_differs);
  return golden.state_dict.map(([key, shape]) => [key, differing.get(key) ?? shape]);
}

/** What a checkpoint of these tensors holds: floats from the golden fill, and PyTorch's integer counters. */
export function filledFile(shapes: StateShapes): WeightFile {
  return { format: "memory", metadata: {}, tensors: new Map(shapes.map(([name, shape]) => [name, filledEntry(name, shape)])) };
}

function filledEntry(name: string, shape: readonly number[]): TensorEntry {
  if (name.endsWith(".num_batches_tracked")) {
    return { name, dtype: "int64", shape, read: async () => ({ dtype: "int64", shape, data: new BigInt64Array(1) }) };
  }
  return { name, dtype: "float32", shape, read: async () => float32Tensor(shape, fillCheckpointTensor(name, shape)) };
}
