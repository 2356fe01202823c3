import { compileInference } from "../../compile/compile.js";
import { emptyHistogram, type Histogram, histogramOf, mergeHistograms } from "../../compile/quantize/histogram.js";
import type { Network } from "../../compile/quantize/network.js";
import type { QuantizationPlan } from "../../compile/quantize/plan.js";
import { calibratedValues, calibrationGraph } from "../../compile/quantize/quantize.js";
import { InceptionError } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { quoted } from "../../formats/quoted.js";
import { callOf, throwIfAborted } from "../../runtime/abort.js";
import type { CallOptions } from "../../runtime/platform.js";
import type { Session } from "../../runtime/session.js";
import { checkFinite } from "../../tensor/finite.js";
import { openSession, type SessionOpener } from "../open-session.js";
import type { InputBatch } from "./inputs.js";

interface CalibrateOptions extends CallOptions {
  readonly threads: number;
  /** Told how many files more are done. */
  readonly onFiles: (count: number) => void;
}

/**
 * What the values of a network are on typical inputs.
 *
 * Inner values are read from a session in which they are outputs, one input after the other, so that no more is held than
 * one image or window makes: 150 MB for Inception-ResNet-v2.
 *
 * @returns a histogram of each value that must be calibrated, and how many files there were
 * @throws InceptionError DATASET_INVALID where not one file can be read; NOT_FINITE; SESSION_FAILED
 */
export async function collectHistograms(
  platform: SessionOpener,
  network: Network,
  plan: QuantizationPlan,
  batches: AsyncIterable<InputBatch>,
  options: CalibrateOptions,
): Promise<{ readonly histograms: ReadonlyMap<string, Histogram>; readonly files: number }> {
  const histograms = new Map(calibratedValues(plan).map((value) => [value, emptyHistogram()] as const));
  const [input] = network.graph.inputs;
  const add = (value: string, data: Float32Array): void => {
    const before = histograms.get(value);
    if (before) histograms.set(value, mergeHistograms(before, histogramOf(data)));
  };
  const call = callOf(options);
  const session = await openCalibration(platform, network, plan, options);
  let files = 0;
  try {
    for await (const batch of batches) {
      add(input?.name ?? "", batch.input.data);
      const results = session === null ? {} : await session.run({ [input?.name ?? ""]: batch.input }, { transfer: true, ...call });
      throwIfAborted(call.signal);
      for (const [value, { data }] of Object.entries(results)) {
        checkFinite(data, `calibrate "${network.graph.name}" with ${quoted(batch.names[0] ?? "")}`, `value ${quoted(value)}`);
        if (data instanceof Float32Array) add(value, data);
      }
      files += batch.finished;
      options.onFiles(batch.finished);
    }
  } finally {
    await session?.close();
  }
  if (files > 0) return { histograms, files };
  throw new InceptionError("DATASET_INVALID", `Cannot calibrate "${network.graph.name}": none of its files could be read`, {});
}

async function openCalibration(
  platform: SessionOpener,
  { graph, parameters }: Network,
  plan: QuantizationPlan,
  { threads, ...options }: CalibrateOptions,
): Promise<Session | null> {
  const shown = calibrationGraph(graph, plan);
  if (shown === null) return null;
  const bytes = concatChunks(compileInference(shown, parameters).chunks);
  return openSession(platform, bytes, { device: "cpu", threads, name: `${graph.name} with inner values`, ...callOf(options) });
}
