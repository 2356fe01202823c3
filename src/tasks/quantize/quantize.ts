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
import { callOf, throwIfAborted, untilAborted } from "../../runtime/abort.js";
import type { CallOptions, Platform, SourceOptions } from "../../runtime/platform.js";
import type { Session } from "../../runtime/session.js";
import { stackRows } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import { encodeSegmentation, goldenExample, withSelfCheck } from "../export.js";
import { openSession, type SessionOpener } from "../open-session.js";
import type { PreparedModel } from "../prepare-model.js";
import type { CaseThread } from "../segment/case-task.js";
import { collectHistograms } from "./calibrate.js";
import { withKernels } from "./constants.js";
import type { InputBatch, OnSkipped } from "./inputs.js";
import { type Agreement, compareAnswers, compareLabels, compareSpeed, type Pair } from "./measure.js";
import { type SampleInput, type SampleSource, sampleSource } from "./sources.js";

/** How a model is quantized, compared and timed. */
export interface QuantizeSettings extends PlanOptions, QuantizeOptions, CallOptions {
  /** Maximum number of images or volumes to calibrate with, in [1, 100000]. Default: 128 images or 32 volumes. */
  readonly images?: number;
  /** How ranges follow from the values that were seen. Default: "minmax". */
  readonly method?: Calibration["method"];
  /** Percentage of the values that a range covers, in (50, 100]; of the method "percentile". Default: 99.99. */
  readonly percentile?: number;
  /** Images or windows that run together when both models are compared, in [1, 1024]. Default: 8 images or 1 window. */
  readonly batch?: number;
  /** Timed runs of each model, in [1, 1000]. Default: 7. */
  readonly rounds?: number;
  /** CPU threads; 0, the default, means one for each core. */
  readonly threads?: number;
  /** Minimum agreement with the float32 model, in [0, 1]. Default: 0.97. */
  readonly minAgreement?: number;
  /** Minimum speed as a multiple of that of the float32 model. Default: 1; 0 accepts any. */
  readonly minSpeedup?: number;
  /** Called with the measurements, before a model below its thresholds is rejected. */
  readonly onEvaluated?: (report: QuantizationReport) => void;
  /** Called after each image, volume or timed run. */
  readonly onProgress?: (part: "calibrate" | "evaluate" | "time", done: number, total: number) => void;
  /** Called for an image or a volume that cannot be used, which is skipped. */
  readonly onSkipped?: OnSkipped;
}

/** What is calibrated and what is compared on. No sample is in both. */
interface QuantizationSamples {
  readonly calibration: readonly SampleInput[];
  readonly evaluation: readonly SampleInput[];
  /** The class of an evaluated image by its position, or null where it is not known. */
  readonly labelOf: (index: number) => number | null;
}

/** Where a model is quantized, and how samples are chosen for it once it is known what it reads. */
export interface QuantizeSite<F extends SourceOptions> {
  readonly platform: Platform<F>;
  /** How samples that have to be fetched are found. */
  readonly sources: F;
  readonly inThread: CaseThread;
  /** The time in milliseconds. */
  readonly clock: () => number;
  /** @param most - maximum number of samples to calibrate with */
  readonly choose: (kind: SampleSource["name"], most: number, metadata: ModelMetadata) => Promise<QuantizationSamples>;
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

/** An int8 model that was accepted. */
interface QuantizedModel {
  /** The ONNX file, one chunk after the other. */
  readonly chunks: readonly Uint8Array[];
  readonly report: QuantizationReport;
}

/**
 * Quantizes a model to int8: int8 kernels with a scale for each output channel, uint8 activations whose ranges are calibrated on
 * images or volumes, int32 biases, as an ONNX file of standard operators ("QDQ"). It is compared with the float32 model on
 * samples that it was not calibrated on, and timed beside it. docs/quantization.md says what is done and when it does not pay.
 *
 * @throws InceptionError QUANTIZATION_REJECTED with the report in its details, for a model below its thresholds; OPTION_INVALID for a
 *   model that does not say how samples become its input, or an option out of its range; DATASET_INVALID
 */
export async function quantizePrepared<F extends SourceOptions>(
  site: QuantizeSite<F>,
  given: PreparedModel,
  options: QuantizeSettings,
): Promise<QuantizedModel> {
  const { platform, choose } = site;
  const call = callOf(options);
  const source = sampleSource(site, given, { onSkipped: options.onSkipped ?? (() => {}), ...call });
  const checked = checkedOptions(options, source.defaults);
  const { prepared } = source;
  const samples = await choose(source.name, checked.images, prepared.metadata);
  const task: Task = { platform, clock: site.clock, source, samples, options, checked };
  const made = await quantized(task);
  const float = compileInference(prepared.graph, prepared.parameters);
  const measured = await withPair(task, [concatChunks(float.chunks), concatChunks(made.compiled.chunks)], (pair) => measure(task, pair));
  const report: QuantizationReport = {
    ...measured,
    samples: source.name,
    calibrated: made.calibrated,
    batch: checked.batch,
    kept: made.plan.kept,
    floatBytes: float.byteLength,
    int8Bytes: made.compiled.byteLength,
  };
  options.onEvaluated?.(report);
  checkGates(prepared, report, checked);
  const metadata = recorded(prepared.metadata, report, checked.calibration, made.plan, options);
  throwIfAborted(options.signal);
  return { chunks: await untilAborted(options.signal, encoded(task, made, metadata)), report };
}

/** What is done, and with what. */
interface Task {
  readonly platform: SessionOpener;
  readonly clock: () => number;
  readonly source: SampleSource;
  readonly samples: QuantizationSamples;
  readonly options: QuantizeSettings;
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

async function quantized({ platform, source, samples, options, checked }: Task): Promise<Made> {
  const call = callOf(options);
  const folded = foldNetwork(await withKernels(platform, source.prepared, call));
  const plan = planQuantization(folded.graph, options);
  const onFiles = counter(options, "calibrate", samples.calibration.length);
  const inputs = source.read(samples.calibration, 1);
  const { histograms, files } = await collectHistograms(platform, folded, plan, inputs, { threads: checked.threads, onFiles, ...call });
  const ranges = rangesOf(histograms, checked.calibration);
  const { graph, parameters } = quantizeNetwork(folded, plan, ranges, options);
  return { graph, compiled: compileInference(graph, parameters), plan, ranges, calibrated: files };
}

async function encoded(
  { platform, source }: Task,
  { graph, compiled, ranges }: Made,
  metadata: ModelMetadata,
): Promise<readonly Uint8Array[]> {
  const { segmentation: recipe } = source.prepared.metadata;
  const { chunks } =
    recipe === undefined
      ? await withSelfCheck(platform, compiled, metadata, exampleOver(graph, ranges))
      : await encodeSegmentation(platform, { network: compiled, graph, metadata, recipe, rawInput: "patch" });
  return chunks;
}

function checkedOptions(options: QuantizeSettings, defaults: SampleSource["defaults"]) {
  const { images = defaults.images, batch = defaults.batch, rounds = 7, threads = 0, method = "minmax", percentile = 99.99 } = options;
  const { minAgreement = 0.97, minSpeedup = 1 } = options;
  const check = (name: string, value: number, holds: boolean, law: string): void => {
    if (!holds) throw new InceptionError("OPTION_INVALID", `Cannot quantize with ${name} ${value}: expected ${law}`, { [name]: value });
  };
  const whole = (name: string, value: number, most: number): void =>
    check(name, value, Number.isInteger(value) && value >= 1 && value <= most, `an integer from 1 to ${formatCount(most)}`);
  whole("images", images, 100_000);
  whole("batch", batch, 1024);
  whole("rounds", rounds, 1000);
  check("percentile", percentile, percentile > 50 && percentile <= 100, "a number in (50, 100]");
  check("minAgreement", minAgreement, minAgreement >= 0 && minAgreement <= 1, "a number from 0 to 1");
  check("minSpeedup", minSpeedup, minSpeedup >= 0 && Number.isFinite(minSpeedup), "a number of at least 0");
  return { images, batch, rounds, threads, minAgreement, minSpeedup, calibration: { method, percentile } };
}

function counter({ onProgress }: QuantizeSettings, part: "calibrate" | "evaluate" | "time", total: number): (count?: number) => void {
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
  { platform, source, options, checked: { threads } }: Task,
  [float, int8]: readonly [Uint8Array, Uint8Array],
  use: (pair: Pair) => Promise<T>,
): Promise<T> {
  const { graph, metadata } = source.prepared;
  const open = (bytes: Uint8Array, kind: string): Promise<Session> =>
    openSession(platform, bytes, { device: "cpu", threads, name: `${metadata.model} (${kind})`, ...callOf(options) });
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

async function measure({ source, samples: { evaluation, labelOf }, options, checked: { batch, rounds }, clock }: Task, pair: Pair) {
  const { model } = source.prepared.metadata;
  const call = callOf(options);
  const compared = { onFiles: counter(options, "evaluate", evaluation.length), ...call };
  const inputs = source.read(evaluation, batch);
  const agreement = await (pair.measure === "dice"
    ? compareLabels(pair, inputs, compared)
    : compareAnswers(pair, inputs, labelOf, compared));
  if (agreement.evaluated === 0) {
    const message = `Cannot evaluate "${model}": none of its ${formatCount(evaluation.length)} ${source.name} could be read`;
    throw new InceptionError("DATASET_INVALID", message, {});
  }
  const onRound = counter(options, "time", rounds);
  const timed = await timedInput(source.read(evaluation, 1), batch);
  const { speedup } = await compareSpeed(pair, timed, rounds, clock, { onRound, ...call });
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
