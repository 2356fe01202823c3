import { compileInference } from "../../compile/compile.js";
import { foldNetwork } from "../../compile/quantize/fold.js";
import type { Histogram } from "../../compile/quantize/histogram.js";
import { type PlanOptions, planQuantization, type QuantizationPlan } from "../../compile/quantize/plan.js";
import { type QuantizeOptions, quantizeNetwork } from "../../compile/quantize/quantize.js";
import { type Calibration, chooseRange, type Range } from "../../compile/quantize/ranges.js";
import { InceptionError } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import type { EncodedModel } from "../../formats/onnx/encode.js";
import type { Graph } from "../../ir/graph.js";
import type { ModelMetadata, SelfCheck } from "../../predict/model-metadata.js";
import type { Session } from "../../runtime/session.js";
import { encodeSegmentation, goldenExample, withSelfCheck } from "../../tasks/export.js";
import type { PreparedModel } from "../../tasks/prepare-model.js";
import { stackRows } from "../../tensor/tensor.js";
import { createNodeSession } from "../ort-session.js";
import { NODE_PLATFORM } from "../platform.js";
import { writeFileAtomic } from "../write-file.js";
import { collectHistograms } from "./calibrate.js";
import { withKernels } from "./constants.js";
import type { InputBatch } from "./inputs.js";
import { type Agreement, compareAnswers, compareLabels, compareSpeed, type Pair } from "./measure.js";
import { labelOf, labelRule } from "./photograph-labels.js";
import { chooseSamples, type Samples } from "./samples.js";
import { type SampleSource, sampleSource } from "./sources.js";

export interface QuantizeModelOptions extends PlanOptions, QuantizeOptions {
  /** Folder of photographs such as the network will see, or of volumes for one that segments them. */
  readonly calibrate: string;
  /** Folder of others to measure on. Default: every fifth of `calibrate` is set aside for it. */
  readonly evaluate?: string;
  /** Most photographs or volumes to calibrate with, in [1, 100000]. Default 128 photographs or 32 volumes. */
  readonly images?: number;
  /** Default "minmax". */
  readonly method?: Calibration["method"];
  /** Per cent of the values that a range covers, in (50, 100]; of the method "percentile". Default 99.99. */
  readonly percentile?: number;
  /** Images or windows that run together when both networks are measured, in [1, 1024]. Default 8 images or 1 window. */
  readonly batch?: number;
  /** Timed runs of each network, in [1, 1000]. Default 7. */
  readonly rounds?: number;
  /** CPU threads; 0, the default, means one for each core. */
  readonly threads?: number;
  /** Least agreement with the float network, in [0, 1]. Default 0.97. */
  readonly minAgreement?: number;
  /** How many times as fast as the float network it must be at least. Default 1; 0 skips the demand. */
  readonly minSpeedup?: number;
  /** Told what was measured, before a network that is worse than asked for is refused. */
  readonly onMeasured?: (report: QuantizationReport) => void;
  /** Told how far each part of the work is. */
  readonly onProgress?: (part: "calibrate" | "evaluate" | "time", done: number, total: number) => void;
  /** Told of a file that cannot be used, which is left out. */
  readonly onSkipped?: (file: string, reason: string) => void;
}

/** What a network with integers is worth beside the one with floats. */
export interface QuantizationReport extends Agreement {
  readonly measure: Pair["measure"];
  /** What `calibrated` and `evaluated` count. */
  readonly samples: "images" | "volumes";
  /** Files that the ranges come from. */
  readonly calibrated: number;
  readonly batch: number;
  /** How many times as fast it is: the ratio of the medians of alternating runs. */
  readonly speedup: number;
  /** Layers with a kernel that stayed float. */
  readonly kept: readonly string[];
  /** Bytes of the two files. */
  readonly floatBytes: number;
  readonly int8Bytes: number;
}

/**
 * Write a network with integers in place of floats: int8 kernels with a scale for each output channel, uint8 activations
 * whose ranges are calibrated on photographs or volumes, int32 biases, as an ONNX file of standard operators ("QDQ").
 * Before it is written, it is compared with the float network on files that it was not calibrated on, and timed beside it;
 * one that is worse than asked for is not written. docs/quantization.md says what is done and when it loses.
 *
 * @param file - ends in .onnx; replaced as a whole, or left as it is
 * @throws InceptionError QUANTIZATION_REJECTED with the report in its details; OPTION_INVALID for a network that does not
 *   say how files become its input, or an option out of its range; DATASET_INVALID; WRITE_FAILED
 *
 * @example
 * ```ts
 * import { prepareModel, quantizeModel } from "inceptionkit/node";
 * const digits = await prepareModel("googlenet", "examples/digits/googlenet-digits.safetensors", {
 *   options: { widthMultiplier: 0.25, numClasses: 10, inputSize: 64 },
 * });
 * // So small a network gains no speed from int8, and few images say little about agreement.
 * const accept = { minSpeedup: 0, minAgreement: 0 };
 * const report = await quantizeModel(digits, "digits-int8.onnx", { calibrate: "examples/digits/images", keepFirst: true, ...accept });
 * console.log(report);
 * ```
 */
export async function quantizeModel(given: PreparedModel, file: string, options: QuantizeModelOptions): Promise<QuantizationReport> {
  const source = sampleSource(given, options.onSkipped ?? (() => {}));
  const checked = checkedOptions(options, source.defaults);
  const { calibrate, evaluate } = options;
  const samples = await chooseSamples(source, { calibrate, evaluate, most: checked.images });
  const task: Task = { source, samples, options, checked };
  const made = await quantized(task);
  const { prepared } = source;
  const float = compileInference(prepared.graph, prepared.parameters);
  const measured = await withPair(prepared, [concatChunks(float.chunks), concatChunks(made.compiled.chunks)], checked.threads, (pair) =>
    measure(task, pair),
  );
  const report: QuantizationReport = {
    ...measured,
    samples: source.name,
    calibrated: made.calibrated,
    batch: checked.batch,
    kept: made.plan.kept,
    floatBytes: float.byteLength,
    int8Bytes: made.compiled.byteLength,
  };
  options.onMeasured?.(report);
  checkGates(prepared, report, checked);
  await write(task, made, recorded(prepared.metadata, report, checked.calibration, made.plan, options), file);
  return report;
}

/** What is done, and with what. */
interface Task {
  readonly source: SampleSource;
  readonly samples: Samples;
  readonly options: QuantizeModelOptions;
  readonly checked: ReturnType<typeof checkedOptions>;
}

/** The network with integers. */
interface Made {
  readonly graph: Graph;
  readonly compiled: EncodedModel;
  readonly plan: QuantizationPlan;
  readonly ranges: ReadonlyMap<string, Range>;
  /** Files that the ranges come from. */
  readonly calibrated: number;
}

async function quantized({ source, samples, options, checked }: Task): Promise<Made> {
  const folded = foldNetwork(await withKernels(source.prepared));
  const plan = planQuantization(folded.graph, options);
  const onFiles = counter(options, "calibrate", samples.calibration.length);
  const inputs = source.read(samples.calibration, 1);
  const { histograms, files } = await collectHistograms(folded, plan, inputs, { threads: checked.threads, onFiles });
  const ranges = rangesOf(histograms, checked.calibration);
  const { graph, parameters } = quantizeNetwork(folded, plan, ranges, options);
  return { graph, compiled: compileInference(graph, parameters), plan, ranges, calibrated: files };
}

async function write({ source }: Task, { graph, compiled, ranges }: Made, metadata: ModelMetadata, file: string): Promise<void> {
  const { segmentation: recipe } = source.prepared.metadata;
  const { chunks } =
    recipe === undefined
      ? await withSelfCheck(NODE_PLATFORM, compiled, metadata, exampleOver(graph, ranges))
      : await encodeSegmentation(NODE_PLATFORM, { network: compiled, graph, metadata, recipe, rawInput: "patch" });
  await writeFileAtomic(file, chunks);
}

function checkedOptions(options: QuantizeModelOptions, defaults: SampleSource["defaults"]) {
  const { images = defaults.images, batch = defaults.batch, rounds = 7, threads = 0, method = "minmax", percentile = 99.99 } = options;
  const { minAgreement = 0.97, minSpeedup = 1 } = options;
  const check = (name: string, value: number, holds: boolean, law: string): void => {
    if (!holds) throw new InceptionError("OPTION_INVALID", `Cannot quantize with ${name} ${value}: expected ${law}`, { [name]: value });
  };
  const whole = (name: string, value: number, most: number): void =>
    check(name, value, Number.isInteger(value) && value >= 1 && value <= most, `an integer in [1, ${most}]`);
  whole("images", images, 100_000);
  whole("batch", batch, 1024);
  whole("rounds", rounds, 1000);
  check("percentile", percentile, percentile > 50 && percentile <= 100, "a number in (50, 100]");
  check("minAgreement", minAgreement, minAgreement >= 0 && minAgreement <= 1, "a number in [0, 1]");
  check("minSpeedup", minSpeedup, minSpeedup >= 0 && Number.isFinite(minSpeedup), "a number of at least 0");
  return { images, batch, rounds, threads, minAgreement, minSpeedup, calibration: { method, percentile } };
}

function counter({ onProgress }: QuantizeModelOptions, part: "calibrate" | "evaluate" | "time", total: number): (count?: number) => void {
  let done = 0;
  return (count = 1) => {
    done += count;
    onProgress?.(part, done, total);
  };
}

function rangesOf(histograms: ReadonlyMap<string, Histogram>, calibration: Calibration): ReadonlyMap<string, Range> {
  return new Map([...histograms].map(([value, histogram]) => [value, chooseRange(histogram, calibration, value)] as const));
}

async function withPair<T>(
  { graph, metadata }: PreparedModel,
  [float, int8]: readonly [Uint8Array, Uint8Array],
  threads: number,
  use: (pair: Pair) => Promise<T>,
): Promise<T> {
  const open = (bytes: Uint8Array, kind: string): Promise<Session> =>
    createNodeSession(bytes, { device: "cpu", threads, name: `${metadata.model} (${kind})`, transfer: true });
  const names = graph.outputs.map(({ name }) => name);
  const classifies = names.includes("logits");
  const output = classifies ? "logits" : (names[0] ?? "");
  const measure = metadata.segmentation !== undefined ? "dice" : classifies ? "top1" : "cosine";
  const floatSession = await open(float, "float");
  try {
    const int8Session = await open(int8, "int8");
    try {
      return await use({ float: floatSession, int8: int8Session, output, measure });
    } finally {
      await int8Session.close();
    }
  } finally {
    await floatSession.close();
  }
}

async function measure({ source, samples: { evaluation }, options, checked: { batch, rounds } }: Task, pair: Pair) {
  const { labels, model } = source.prepared.metadata;
  const rule = await labelRule(labels);
  const onFiles = counter(options, "evaluate", evaluation.length);
  const inputs = source.read(evaluation, batch);
  const agreement = await (pair.measure === "dice"
    ? compareLabels(pair, inputs, onFiles)
    : compareAnswers(pair, inputs, (file) => labelOf(file, rule), onFiles));
  if (agreement.evaluated === 0) {
    const message = `Cannot evaluate "${model}": not one of its ${evaluation.length} ${source.name} can be read`;
    throw new InceptionError("DATASET_INVALID", message, {});
  }
  const onRound = counter(options, "time", rounds);
  const clock = (): number => performance.now();
  const { speedup } = await compareSpeed(pair, await timedInput(source.read(evaluation, 1), batch), rounds, clock, onRound);
  return { ...agreement, measure: pair.measure, speedup };
}

/** One image or window as many times as a batch has: the work does not depend on what they show. */
async function timedInput(batches: AsyncIterable<InputBatch>, batch: number) {
  for await (const { input } of batches) {
    return stackRows(
      input.shape.slice(1),
      Array.from({ length: batch }, () => input.data),
    );
  }
  throw new RangeError("Cannot time a network without an image");
}

/** How fine an estimate of the agreement is: one of 22 images is 4.5 points. */
export function resolutionOf({ measure, evaluated, samples }: QuantizationReport): string {
  const counted = `${evaluated.toLocaleString("en-US")} ${evaluated === 1 ? samples.slice(0, -1) : samples}`;
  return measure === "top1" && evaluated > 0 ? `${counted}, in steps of ${(100 / evaluated).toFixed(1)} points` : counted;
}

function checkGates(
  { metadata }: PreparedModel,
  report: QuantizationReport,
  { minAgreement, minSpeedup }: { readonly minAgreement: number; readonly minSpeedup: number },
): void {
  const faults = [
    ...(report.agreement >= minAgreement
      ? []
      : [
          `agreement with the float32 model is ${report.agreement.toFixed(4)} (${resolutionOf(report)}), below the minimum of ${minAgreement}`,
        ]),
    ...(report.speedup >= minSpeedup ? [] : [`speedup is ${report.speedup.toFixed(2)}×, below the minimum of ${minSpeedup}×`]),
  ];
  if (faults.length === 0) return;
  const missed = [...(report.agreement < minAgreement ? ["agreement"] : []), ...(report.speedup < minSpeedup ? ["speedup"] : [])];
  throw new InceptionError("QUANTIZATION_REJECTED", `Cannot quantize "${metadata.model}": ${faults.join("; ")}`, { ...report, missed });
}

function recorded(
  metadata: ModelMetadata,
  { calibrated, agreement, evaluated }: QuantizationReport,
  { method, percentile }: Calibration,
  { kept }: QuantizationPlan,
  { reduceRange = false }: QuantizeOptions,
): ModelMetadata {
  const quantization = {
    kernelBits: reduceRange ? 7 : 8,
    method,
    ...(method === "percentile" ? { percentile } : {}),
    images: calibrated,
    kept,
    agreement,
    evaluated,
  } as const;
  return { ...metadata, quantization };
}

/** An example that uses the whole range of the input: one between −1 and 1 would meet three levels of pixels that are not scaled. */
function exampleOver(graph: Graph, ranges: ReadonlyMap<string, Range>): SelfCheck {
  const range = ranges.get(graph.inputs[0]?.name ?? "");
  const example = goldenExample(graph);
  return range === undefined ? example : { ...example, low: Math.fround(range.low), high: Math.fround(range.high) };
}
