import { isRecord } from "../data/is-record.js";
import { parsePreprocessing } from "../data/preprocessing.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { parseSegmentationConfig, type SegmentationConfig } from "../data/volumes/recipe.js";
import { InceptionError, messageOf } from "../errors.js";
import { decodeJson } from "../formats/json.js";
import { MAX_RANK } from "../formats/onnx/decode-tensor.js";
import { quoted, shortened } from "../formats/quoted.js";
import type { TensorInfo } from "../runtime/session.js";
import { fillUniform } from "../tensor/fill.js";
import { coprimeStride } from "../tensor/sample.js";
import { elementCount, float32Tensor, type Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import { type CalibrationRecord, parseCalibrationRecord, parseUnknownRecord, type UnknownRecord } from "./confidence-record.js";
import { parseQuantizationRecord, type QuantizationRecord } from "./quantization-record.js";
import { RAW_INPUTS, type RawInput } from "./segmentation-file.js";

/**
 * Metadata embedded in an exported model: network, preprocessing, class names, license and self-check: which network, how pixels
 * become its input, what its outputs mean, whose weights they are, and one input with its outputs as a check.
 */
export interface ModelMetadata {
  /** Model id and the options that differ from its defaults or all of them. */
  readonly model: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Graph of a custom network, as `encodeGraph` writes it; absent for a listed model, which `model` and `options` describe. */
  readonly network?: string;
  /** null where it is not known how images become inputs. */
  readonly preprocessing: Preprocessing | null;
  /** How volumes become inputs and classes labels, of a network that segments them. */
  readonly segmentation?: SegmentationConfig;
  /** What the input of a file is that normalizes by itself (see `wrapSegmentation`); absent where the input is normalized before. */
  readonly rawInput?: RawInput;
  /** How the file's integers were made; absent where it computes with floats. */
  readonly quantization?: QuantizationRecord;
  /** How probabilities are calibrated; absent where they are the softmax of the logits. */
  readonly calibration?: CalibrationRecord;
  /** When an image belongs to none of the classes; absent where that is not decided. */
  readonly unknown?: UnknownRecord;
  /** Names of the classes by index; null where unknown or where there are no classes. */
  readonly labels: readonly string[] | null;
  /** Where the weights came from, for people. */
  readonly source: string;
  readonly licence: string;
  /** SHA-256 of the weight file, hexadecimal. */
  readonly weightsSha256: string | null;
  readonly golden: SelfCheck | null;
}

/**
 * An input by formula (`fillUniform(key, …)`) and what the network gave for it when it was exported: whoever loads the
 * file can see whether this machine computes the same.
 */
export interface SelfCheck {
  readonly key: string;
  /** Of the input, batch included. */
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
  /** Output values by output name; of an output in `strides` the first of every so many. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** Of the outputs with so many values that a sample of them is kept, its step. */
  readonly strides?: Readonly<Record<string, number>>;
  /** Inputs besides the first, one number for all of their values. */
  readonly others?: Readonly<Record<string, number>>;
}

/** The metadata key under which the model metadata is stored, in ONNX files and in safetensors headers. */
export const METADATA_KEY = "inceptionkit";
const VERSION = 1;

/** The model metadata as metadata text: JSON with a version. Float values are written in the shortest form that gives the same float32. */
export function encodeModelMetadata(metadata: ModelMetadata): string {
  return JSON.stringify({ version: VERSION, ...metadata }, (_key, value: unknown) =>
    typeof value === "number" ? shortestFloat32(value) : value,
  );
}

function shortestFloat32(value: number): number {
  if (Number.isInteger(value) || Math.fround(value) !== value) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/**
 * Returns the model metadata in the metadata of an ONNX file, or null if there is none.
 *
 * @param metadata - keys and texts of the file, which may be untrusted
 * @throws InceptionError FILE_CORRUPT when the entry differs from what `encodeModelMetadata` writes; FILE_UNSUPPORTED for a newer version
 */
export function parseModelMetadata(metadata: Iterable<readonly [key: string, text: string]>, file: string): ModelMetadata | null {
  const text = new Map(metadata).get(METADATA_KEY);
  if (text === undefined) return null;
  const value = parseRecord(text, file);
  if (value.version !== VERSION) {
    throw new InceptionError(
      "FILE_UNSUPPORTED",
      `Cannot use the metadata of "${file}": its version is ${shortened(JSON.stringify(value.version) ?? "missing")}, expected ${VERSION}`,
      { file },
    );
  }
  const { model, options, network, preprocessing, segmentation, rawInput, quantization, calibration, unknown } = value;
  const { labels, source, licence, weightsSha256, golden } = value;
  if (typeof model !== "string" || !isRecord(options)) throw corrupt(file, "it names no model with options");
  if (typeof source !== "string" || typeof licence !== "string") throw corrupt(file, "it states no source and licence");
  return {
    model,
    options,
    ...(network === undefined ? {} : { network: parseNetwork(network, file) }),
    source,
    licence,
    preprocessing: preprocessing === null ? null : parsePreprocessing(preprocessing, `"${file}"`),
    ...(segmentation === undefined ? {} : { segmentation: parseSegmentationConfig(segmentation, `"${file}"`) }),
    ...(rawInput === undefined ? {} : { rawInput: parseRawInput(rawInput, file) }),
    ...(quantization === undefined ? {} : { quantization: parseQuantization(quantization, file) }),
    ...(calibration === undefined ? {} : { calibration: parsed(calibration, parseCalibrationRecord, "calibration", file) }),
    ...(unknown === undefined ? {} : { unknown: parsed(unknown, parseUnknownRecord, "threshold for unknown images", file) }),
    labels: parseLabels(labels, file),
    weightsSha256: typeof weightsSha256 === "string" ? weightsSha256 : null,
    golden: golden === null ? null : parseGolden(golden, file),
  };
}

/** Twenty times the text of a model with 20,000 class names; more would only take memory. */
const MAX_TEXT_LENGTH = 16 * 2 ** 20;

function parseRecord(text: string, file: string): Readonly<Record<string, unknown>> {
  if (text.length > MAX_TEXT_LENGTH) {
    const message = `Cannot use the metadata "${METADATA_KEY}" of "${file}": it has ${formatCount(text.length)} characters, the limit is ${formatCount(MAX_TEXT_LENGTH)}`;
    throw new InceptionError("FILE_LIMIT", message, { file });
  }
  const value = parseText(text, file);
  if (isRecord(value)) return value;
  throw corrupt(file, "it is not an object");
}

function parseText(text: string, file: string): unknown {
  try {
    return decodeJson(text, "its text");
  } catch (thrown) {
    throw corrupt(file, messageOf(thrown));
  }
}

/** The graph itself is read where it is needed: most who open a file only run it. */
function parseNetwork(value: unknown, file: string): string {
  if (typeof value === "string") return value;
  throw corrupt(file, "its network is not a text");
}

function parseRawInput(value: unknown, file: string): RawInput {
  const known = RAW_INPUTS.find((each) => each === value);
  if (known !== undefined) return known;
  throw corrupt(file, `its raw input is not one of ${RAW_INPUTS.join(", ")}`);
}

function parseQuantization(value: unknown, file: string): QuantizationRecord {
  const record = parseQuantizationRecord(value);
  if (record !== null) return record;
  throw corrupt(file, "it does not say how its integers were made");
}

function parsed<T>(value: unknown, parse: (value: unknown) => T | null, what: string, file: string): T {
  const record = parse(value);
  if (record !== null) return record;
  throw corrupt(file, `its ${what} has missing fields or values out of range`);
}

function parseLabels(value: unknown, file: string): readonly string[] | null {
  if (value === null) return null;
  if (isStrings(value)) return value;
  throw corrupt(file, "its labels are not a list of names");
}

function parseGolden(value: unknown, file: string): SelfCheck {
  const { key, shape, low, high, outputs, strides, others } = isRecord(value) ? value : {};
  if (typeof key !== "string" || !isGoldenShape(shape) || !isFloat32(low) || !isFloat32(high) || !isRecord(outputs))
    throw corrupt(file, "its self-check is not an input with outputs");
  const named = Object.entries(outputs).map(([name, values]): readonly [string, readonly number[]] => {
    if (Array.isArray(values) && values.length > 0 && values.every(isFloat32)) return [name, values];
    throw corrupt(file, `output ${quoted(name)} of its self-check is not a list of finite float32 values`);
  });
  if (named.length === 0) throw corrupt(file, "its self-check has no outputs");
  const steps = parseNumbers(strides, "strides", (each) => isFloat32(each) && Number.isInteger(each) && each > 0, file);
  const fills = parseNumbers(others, "others", isFloat32, file);
  return { key, shape, low, high, outputs: Object.fromEntries(named), ...(steps && { strides: steps }), ...(fills && { others: fills }) };
}

function isGoldenShape(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length > MAX_RANK) return false;
  return value.every((size) => Number.isSafeInteger(size) && size > 0) && elementCount(value) <= MAX_GOLDEN_VALUES;
}

/** Whether a value is a number that float32 can hold; JSON can hold 1e999, which is infinite, and 1e200, whose square is. */
function isFloat32(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(Math.fround(value));
}

function parseNumbers(
  value: unknown,
  field: string,
  allows: (each: unknown) => boolean,
  file: string,
): Readonly<Record<string, number>> | null {
  if (value === undefined) return null;
  const entries = isRecord(value) ? Object.entries(value) : [["", null] as const];
  const wrong = entries.find(([, each]) => !allows(each));
  if (wrong !== undefined) throw corrupt(file, `field "${field}" of its self-check has no usable number for ${quoted(wrong[0])}`);
  return Object.fromEntries(entries.map(([name, each]) => [name, Number(each)]));
}

/** Values of all inputs together: one RGB image of 2048×2048. A file that asks for more does so to take memory. */
const MAX_GOLDEN_VALUES = 3 * 2048 * 2048;

/** The golden input as a tensor. */
export function goldenInput(golden: SelfCheck): Tensor {
  return float32Tensor(golden.shape, fillUniform(golden.key, elementCount(golden.shape), golden.low, golden.high));
}

/**
 * All inputs of a golden example: the first is the golden input, each of the others is filled with one number.
 *
 * @param inputs - of the session; sizes that are free become 1
 * @param model - how messages name the model
 * @throws InceptionError FILE_LIMIT for inputs of more than 12,582,912 values together, FILE_CORRUPT for a size below 0
 */
export function goldenFeeds(golden: SelfCheck, inputs: readonly TensorInfo[], model: string): Readonly<Record<string, Tensor>> {
  let total = 0;
  return Object.fromEntries(
    inputs.map(({ name, shape }, index) => {
      const sizes = index === 0 ? golden.shape : shape.map((size) => (typeof size === "number" ? size : 1));
      const refused = (code: "FILE_CORRUPT" | "FILE_LIMIT", fact: string): InceptionError => {
        const input = `input ${quoted(name)} has shape [${sizes.join(", ")}]`;
        return new InceptionError(code, `Cannot run the self-check of "${model}": ${input}, ${fact}`, { model, input: name });
      };
      if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) throw refused("FILE_CORRUPT", "expected sizes of 0 or more");
      total += elementCount(sizes);
      if (!(total <= MAX_GOLDEN_VALUES))
        throw refused("FILE_LIMIT", `expected at most ${formatCount(MAX_GOLDEN_VALUES)} values in all inputs together`);
      return [
        name,
        index === 0 ? goldenInput(golden) : float32Tensor(sizes, new Float32Array(elementCount(sizes)).fill(fillOf(golden, name))),
      ];
    }),
  );
}

function fillOf({ others }: SelfCheck, name: string): number {
  // An input may be named "__proto__", which every record seems to have.
  return others !== undefined && Object.hasOwn(others, name) ? (others[name] ?? 0) : 0;
}

/** A few values say as much as all of a map. */
const SAMPLED_VALUES = 1024;

/** The step of the sample that is kept of so many values; 1 for few. It has no divisor in common with the count, so that it meets every row and column. */
export function sampleStride(count: number): number {
  return coprimeStride(count, SAMPLED_VALUES);
}

/** The first of every `stride` values. */
export function everyNth(values: ArrayLike<number>, stride = 1): readonly number[] {
  return Array.from({ length: stride >= 1 ? Math.ceil(values.length / stride) : 0 }, (_, index) => values[index * stride] ?? Number.NaN);
}

/**
 * Largest difference of an output from its golden values, in units of their standard deviation. Infinity where the counts
 * differ or the golden values have no finite standard deviation, beside which any difference would be small.
 *
 * @param expected - every `stride`-th value of the output
 * @param actual - the whole output
 */
export function goldenDifference(expected: readonly number[], actual: ArrayLike<number>, stride = 1): number {
  if (expected.length === 0 || expected.length !== Math.ceil(actual.length / stride)) return Number.POSITIVE_INFINITY;
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  const spread = Math.sqrt(expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / expected.length);
  if (!Number.isFinite(spread)) return Number.POSITIVE_INFINITY;
  const worst = expected.reduce((most, value, index) => Math.max(most, Math.abs(value - (actual[index * stride] ?? Number.NaN))), 0);
  // One output value has no spread of its own; its size is the scale then.
  return worst / (spread > 0 ? spread : Math.max(1, Math.abs(mean)));
}

/**
 * Largest difference of all outputs of a golden example, in units of each output's standard deviation; NaN where an output is.
 *
 * @param results - the outputs by name; one that is missing or not float32 differs by Infinity
 */
export function goldenDifferences(golden: SelfCheck, results: Readonly<Record<string, Tensor>>): number {
  const strides = new Map(Object.entries(golden.strides ?? {}));
  const found = new Map(Object.entries(results));
  return Math.max(
    ...Object.entries(golden.outputs).map(([name, values]) => {
      const data = found.get(name)?.data;
      return goldenDifference(values, data instanceof Float32Array ? data : [], strides.get(name));
    }),
  );
}

function corrupt(file: string, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot use the metadata "${METADATA_KEY}" of "${file}": ${fact}`, { file });
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
