import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { resolveModel } from "../../node/load-model.js";
import { type QuantizeModelOptions, quantizeModel } from "../../node/quantize/quantize-files.js";
import { CALIBRATION_METHODS } from "../../predict/quantization-record.js";
import { type QuantizationReport, resolutionOf } from "../../tasks/quantize/quantize.js";
import type { Flags, RunCommand } from "../command.js";
import { EXIT } from "../exit-code.js";
import { choiceFlag, integerFlag, numberFlag, textFlag } from "../flags.js";
import { formatCount, type Io, printJson } from "../io.js";
import { modelOperand } from "../model-operand.js";
import { errorText } from "../option-words.js";
import { prepareFlags } from "../run-model.js";

/** `quantize MODEL --calibrate DIR [--out FILE]`. Exit code 1, and no file, where the network with integers is worse than asked for. */
export const run: RunCommand = async ([model], flags, io) => {
  const calibrate = textFlag(flags, "calibrate");
  // A run is named by its directory.
  const out = textFlag(flags, "out") ?? `${path.basename(String(model)).replace(/\.(?:onnx|m?js)$/i, "")}-int8.onnx`;
  if (calibrate === undefined)
    throw new InceptionError("USAGE", "Cannot quantize without photographs or volumes: expected --calibrate with a folder");
  if (!out.toLowerCase().endsWith(".onnx")) {
    throw new InceptionError("USAGE", `Cannot quantize to ${out}: expected --out with a name that ends in .onnx`, { out });
  }
  let skipped = 0;
  const options = {
    ...quantizeFlags(calibrate, flags, io),
    onSkipped: (file: string, reason: string) => {
      skipped++;
      io.err(`inception: left out ${messageOf(file)}: ${reason}\n`);
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
    ...(io.interactive ? { onProgress: (part, done, total) => io.line.show(`${part} ${done}/${total}`, done >= total) } : {}),
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
  const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const answers = {
    top1: () => `${share(agreement)} in the same class, of ${resolutionOf(report)}`,
    cosine: () => `mean cosine ${agreement.toFixed(4)}`,
    dice: () => `mean Dice of both ${agreement.toFixed(4)}`,
  };
  io.out(`calibrated on ${formatCount(calibrated)} ${samples}, measured on ${formatCount(evaluated)} others\n`);
  io.out(`  answers   ${answers[measure]()}\n`);
  if (top1Float !== null && top1Int8 !== null) {
    io.out(`  top-1     ${share(top1Float)} with floats, ${share(top1Int8)} with integers, of ${formatCount(labeled)} labeled images\n`);
  }
  io.out(`  speed     ${speedup.toFixed(2)} times as fast at batch ${batch}\n`);
  io.out(`  size      ${formatCount(int8Bytes)} bytes, with floats ${formatCount(floatBytes)}\n`);
  if (kept.length > 0) io.out(`  floats    ${kept.map(messageOf).join(", ")}\n`);
  io.out(output === null ? "nothing was written\n" : `${messageOf(output)} written\n`);
}
