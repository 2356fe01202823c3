import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { resolveModel } from "../../node/load-model.js";
import { type QuantizeModelOptions, quantizeModel } from "../../node/quantize/quantize-files.js";
import { CALIBRATION_METHODS } from "../../predict/quantization-record.js";
import { type QuantizationReport, resolutionOf } from "../../tasks/quantize/quantize.js";
import { formatPercent } from "../../train/progress.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { choiceFlag, integerFlag, numberFlag, textFlag } from "../flags.js";
import { formatBytes, formatCount, type Io, printJson } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { errorText } from "../option-words.js";
import { prepareFlags } from "../run-model.js";
import { invalid, missing } from "../usage-error.js";

/** `quantize MODEL --calibrate DIR [--out FILE]`. Exit code 1, and no file, where the int8 model is below a threshold. */
export const run: RunCommand = async ([model], flags, io) => {
  const calibrate = textFlag(flags, "calibrate");
  // A run is named by its directory.
  const out = textFlag(flags, "out") ?? `${path.basename(String(model)).replace(/\.(?:onnx|m?js)$/i, "")}-int8.onnx`;
  if (calibrate === undefined) throw missing("--calibrate", "pass a directory of images or volumes");
  if (!out.toLowerCase().endsWith(".onnx")) throw invalid("--out", out, "a name that ends in .onnx");
  let skipped = 0;
  const options = {
    ...quantizeFlags(calibrate, flags, io),
    onSkipped: (file: string, reason: string) => {
      skipped++;
      io.err(`skipped: ${reason.includes(messageOf(file)) ? "" : `${messageOf(file)}: `}${errorText(reason)}\n`);
    },
  };
  const prepared = await resolveModel(await modelOperand(String(model)), await prepareFlags(flags, io));
  const reports: QuantizationReport[] = [];
  try {
    print(io, flags, await quantizeModel(prepared, out, { ...options, onEvaluated: (report) => reports.push(report) }), out);
    return skipped === 0 ? EXIT.success : EXIT.failed;
  } catch (thrown) {
    if (!(thrown instanceof InceptionError && thrown.code === "QUANTIZATION_REJECTED")) throw thrown;
    for (const report of reports) print(io, flags, report, null);
    io.err(`inception: ${errorText(thrown)}${remedies(thrown.details.missed)}\n`);
    return EXIT.failed;
  }
};

/** The flags that move the thresholds which were missed. */
function remedies(missed: unknown): string {
  const has = (name: string): boolean => Array.isArray(missed) && missed.includes(name);
  return [
    ...(has("agreement") ? ["; try --keep-first, --keep-last or --method percentile, or lower --min-agreement"] : []),
    ...(has("speedup") ? ["; lower --min-speedup, or set it to 0 for none"] : []),
  ].join("");
}

const PHASES = { calibrate: "calibrating", evaluate: "evaluating", time: "timing" } as const;

function quantizeFlags(calibrate: string, flags: Flags, io: Io): QuantizeModelOptions {
  const [evaluate, method] = [textFlag(flags, "evaluate"), choiceFlag(flags, "method", CALIBRATION_METHODS)];
  return {
    calibrate,
    ...(evaluate === undefined ? {} : { evaluate }),
    ...(method === undefined ? {} : { method }),
    ...amountFlags(flags),
    keep: Array.isArray(flags.keepFloat) ? flags.keepFloat.map(String) : [],
    keepFirst: flags.keepFirst === true,
    keepLast: flags.keepLast === true,
    reduceRange: flags.reduceRange === true,
    ...(io.interactive ? { onProgress: (part, done, total) => io.line.show(`${PHASES[part]}  ${done}/${total}`, done >= total) } : {}),
  };
}

/** The numbers that are given; those that are not have quantizeModel's defaults. */
function amountFlags(flags: Flags) {
  const [images, batch] = [integerFlag(flags, "calibrationSize", 1, 100_000), integerFlag(flags, "batchSize", 1, 1024)];
  const [rounds, threads] = [integerFlag(flags, "timingRuns", 1, 1000), integerFlag(flags, "threads", 0, 1024)];
  const [minAgreement, minSpeedup] = [numberFlag(flags, "minAgreement", 0, 1), numberFlag(flags, "minSpeedup", 0, 1000)];
  const percentile = numberFlag(flags, "percentile", 50, 100);
  return {
    ...(images === undefined ? {} : { images }),
    ...(percentile === undefined ? {} : { percentile }),
    ...(batch === undefined ? {} : { batch }),
    ...(rounds === undefined ? {} : { rounds }),
    ...(threads === undefined ? {} : { threads }),
    ...(minAgreement === undefined ? {} : { minAgreement }),
    ...(minSpeedup === undefined ? {} : { minSpeedup }),
  };
}

function print(io: Io, flags: Flags, report: QuantizationReport, output: string | null): void {
  const { agreement, top1Float, top1Int8, speedup, measure, samples, evaluated, labeled, calibrated, batch } = report;
  const { kept, floatBytes, int8Bytes } = report;
  if (flags.json === true) {
    const more = { measure, samples, evaluated, labelled: labeled, calibrated, batch, kept, floatBytes, int8Bytes };
    printJson(io, { agreement, top1Float, top1Int8, speedup, output, ...more });
    return;
  }
  const agreements = {
    top1: () => `${formatPercent(agreement)} same top-1 class as float32 (${resolutionOf(report)})`,
    cosine: () => `mean cosine similarity to float32 ${agreement.toFixed(4)}`,
    dice: () => `mean Dice with float32 ${agreement.toFixed(4)}`,
  };
  io.out(`calibrated on ${formatCount(calibrated)} ${samples}, evaluated on ${formatCount(evaluated)} held-out ${samples}\n`);
  io.out(`  agreement  ${agreements[measure]()}\n`);
  if (top1Float !== null && top1Int8 !== null) {
    io.out(`  top-1      ${formatPercent(top1Float)} float32, ${formatPercent(top1Int8)} int8 (${formatCount(labeled)} labeled images)\n`);
  }
  io.out(`  speedup    ${speedup.toFixed(2)}× at batch size ${batch}\n`);
  io.out(`  size       ${formatBytes(int8Bytes)} int8, ${formatBytes(floatBytes)} float32\n`);
  if (kept.length > 0) io.out(`  float32    ${kept.map(messageOf).join(", ")}\n`);
  io.out(output === null ? "rejected; no file was written\n" : `wrote ${messageOf(output)}\n`);
}
