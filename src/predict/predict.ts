import type { Image } from "../data/image.js";
import { type Preprocessing, preprocess, preprocessedShape } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import type { RunOptions, Session } from "../runtime/session.js";
import { checkFinite } from "../tensor/finite.js";
import { elementCount, type Float32Tensor, float32Tensor, type Tensor } from "../tensor/tensor.js";
import { calibratedLogits, decideUnknown, type UnknownDecision } from "./confidence-record.js";
import type { ModelMetadata } from "./model-metadata.js";

/** A class with its probability. */
export interface Prediction {
  readonly index: number;
  /** Class name, or the class index as text if the model has no class names. */
  readonly className: string;
  /** In [0, 1]; all classes sum to 1. */
  readonly probability: number;
}

/** The most probable classes of one image, highest probability first. */
export interface Predictions extends ReadonlyArray<Prediction> {
  /** Whether the image belongs to none of the classes; absent where the model has no threshold for that. */
  readonly unknown?: UnknownDecision;
}

/**
 * Preprocesses images into one input, float32 [N, C, H, W].
 *
 * @param images - at least one; all must have the same size after preprocessing
 * @throws RangeError for no images; InceptionError IMAGE_INVALID
 */
export function imageBatch(images: readonly Image[], recipe: Preprocessing): Float32Tensor {
  const [first] = images;
  if (first === undefined) throw new RangeError("Cannot make a batch of 0 images");
  const shape = [images.length, ...preprocessedShape(recipe, first)];
  const length = elementCount(shape.slice(1));
  const data = new Float32Array(images.length * length);
  for (const [index, image] of images.entries()) preprocess(image, recipe, { data, offset: index * length });
  return float32Tensor(shape, data);
}

/** Softmax of one row of logits, in double precision and shifted by the largest so that nothing overflows. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

/** Fifty times ImageNet-21k. Ranking takes about 50 bytes of memory for each class, and a file may state any number. */
const MAX_CLASSES = 1_000_000;

/**
 * The `count` most probable classes of one row of logits; equal probabilities keep the order of their indices.
 *
 * @throws InceptionError FILE_LIMIT for more than 1,000,000 classes
 *
 * @example
 * ```ts
 * import { topPredictions } from "inceptionkit/predict";
 * topPredictions([0, Math.log(3)], 1, ["cat", "dog"]); // [{ index: 1, className: "dog", probability: 0.75 }]
 * ```
 */
export function topPredictions(logits: ArrayLike<number>, count: number, classNames: readonly string[] | null): readonly Prediction[] {
  if (logits.length > MAX_CLASSES) {
    const [found, limit] = [logits.length, MAX_CLASSES].map((number) => number.toLocaleString("en-US"));
    throw new InceptionError("FILE_LIMIT", `Cannot rank the predictions of a model with ${found} classes: the limit is ${limit}`, {
      classes: logits.length,
    });
  }
  const probabilities = softmax(logits);
  return [...probabilities.keys()]
    .sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b)
    .slice(0, count)
    .map((index) => ({ index, className: classNames?.[index] ?? String(index), probability: probabilities[index] ?? 0 }));
}

/**
 * The `count` most probable classes of one row of logits, with calibrated probabilities and a decision on unknown images where the
 * model has them.
 *
 * @throws InceptionError as `topPredictions`
 */
export function predictClasses(
  logits: ArrayLike<number>,
  count: number,
  { labels, calibration, unknown }: Pick<ModelMetadata, "labels" | "calibration" | "unknown">,
): Predictions {
  const top = topPredictions(calibratedLogits(logits, calibration), count, labels);
  return unknown === undefined ? top : Object.assign([...top], { unknown: decideUnknown(logits, unknown) });
}

/**
 * Runs a batch and returns one output as rows, one for each image.
 *
 * @param input - [N, C, H, W]; its memory is given to the session
 * @param nameOf - how messages name a row. Default: its number
 * @throws InceptionError OPTION_INVALID when the model has no such output, listing those it has; NOT_FINITE where a row holds NaN
 *   or infinity
 */
export async function runRows(
  session: Session,
  input: Tensor,
  output: string,
  nameOf: (row: number) => string = (row) => `row ${row}`,
  options: Pick<RunOptions, "signal"> = {},
): Promise<readonly Float32Array[]> {
  const rows = await runUncheckedRows(session, input, output, options);
  for (const [index, row] of rows.entries()) checkRow(row, output, nameOf(index));
  return rows;
}

/**
 * Refuses a row of an output with NaN or infinity: no class is the most probable one then.
 *
 * @param name - of the image, for the message
 * @throws InceptionError NOT_FINITE
 */
export function checkRow(row: Float32Array, output: string, name: string): void {
  checkFinite(row, `use the prediction for ${name}`, `output ${quoted(output)}`);
}

/** As `runRows`, but with whatever the network computes; for callers that pass each row to `checkRow` by itself. */
export async function runUncheckedRows(
  session: Session,
  input: Tensor,
  output: string,
  { signal }: Pick<RunOptions, "signal"> = {},
): Promise<readonly Float32Array[]> {
  const [name] = session.inputs.map((info) => info.name);
  if (!session.outputs.some((info) => info.name === output)) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot read output "${output}": the model has ${session.outputs.map((info) => info.name).join(", ")}`,
      { output },
    );
  }
  const results = await session.run(
    { [name ?? "input"]: input },
    {
      fetches: [output],
      transfer: true,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const data = results[output]?.data;
  if (!(data instanceof Float32Array))
    throw new InceptionError("OPTION_INVALID", `Cannot read output "${output}": it is not float32`, { output });
  const rows = input.shape[0] ?? 1;
  const length = data.length / rows;
  return Array.from({ length: rows }, (_, row) => data.subarray(row * length, (row + 1) * length));
}
