/** What leaves a module while a network is trained, and how much of it is zero. */

import { compileInference } from "../compile/compile.js";
import { evaluationForward, trainingForward } from "../compile/training/forward.js";
import type { TrainingOptions } from "../compile/training/options.js";
import { concatChunks } from "../formats/concat-chunks.js";
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { GraphBuilder } from "../ops/build.js";
import { checkGraph } from "../ops/index.js";
import type { TrainingProgram } from "../runtime/trainer.js";

/** Of all values that leave a module for a batch. All are NaN where a value is not finite. */
export interface ActivationStatistics {
  /** Share of the values that are exactly zero. */
  readonly zeros: number;
  /** Share of the channels that are zero everywhere in all images. */
  readonly deadChannels: number;
  readonly mean: number;
  /** Standard deviation over all values, divided by their number. */
  readonly deviation: number;
}

/**
 * @param values - [N, C, spatial…], row-major
 * @param shape - the shape of `values`
 * @throws RangeError when the values are none or not as many as the shape says
 */
export function activationStatistics(values: Float32Array, shape: readonly number[]): ActivationStatistics {
  const [images = 0, channels = 0, ...spatial] = shape;
  const pixels = spatial.reduce((product, size) => product * size, 1);
  if (values.length === 0 || values.length !== images * channels * pixels) {
    throw new RangeError(`Cannot evaluate ${values.length} values as [${shape.join(", ")}]`);
  }
  const alive = new Uint8Array(channels);
  let zeros = 0;
  let sum = 0;
  for (const [index, value] of values.entries()) {
    if (value === 0) zeros++;
    else alive[Math.floor(index / pixels) % channels] = 1;
    sum += value;
  }
  if (!Number.isFinite(sum)) return { zeros: Number.NaN, deadChannels: Number.NaN, mean: Number.NaN, deviation: Number.NaN };
  const mean = sum / values.length;
  // In a second pass: the difference of two large sums would lose the digits of a small deviation.
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  const living = alive.reduce((total, flag) => total + flag, 0);
  return { zeros: zeros / values.length, deadChannels: 1 - living / channels, mean, deviation: Math.sqrt(squares / values.length) };
}

/** The name of the output of a probe. */
export const PROBE_OUTPUT = "activations";

/**
 * A program that reads a trainer's state, changes nothing, and shows what leaves a module for a batch of images as the
 * network computes it in training (`mode` "training": statistics of the batch) or afterwards ("evaluation": running
 * statistics). Its feed is the network's input, its output "activations".
 *
 * @param network - the network that the trainer's programs were compiled from, without dropout before the module
 * @throws InceptionError OPTION_INVALID when there is no such module
 */
export function probeProgram(network: Graph, module: string, batch: number, mode: "training" | "evaluation"): TrainingProgram {
  const selected = checkGraph(selectOutputs(network, [module]));
  const context = { b: new GraphBuilder(`${network.name}.probe`), network: selected, state: new Map(), feeds: [], outputs: [] };
  const options: TrainingOptions = {
    batchSize: batch,
    optimizer: () => {
      throw new RangeError("Cannot optimize in a probe");
    },
  };
  const outputs = mode === "training" ? trainingForward(context, options).outputs : evaluationForward(context, options);
  const activations = outputs.get(module);
  if (activations === undefined) throw new RangeError(`Cannot probe "${module}": it has no value`);
  context.b.output(PROBE_OUTPUT, activations);
  // Training also computes the next running statistics, which a probe leaves alone.
  const graph = checkGraph(selectOutputs(context.b.draft(), [PROBE_OUTPUT]));
  const feeds = new Set(selected.inputs.map(({ name }) => name));
  return {
    model: concatChunks(compileInference(graph, new Map()).chunks),
    state: [],
    reads: graph.inputs.map(({ name }) => name).filter((name) => !feeds.has(name)),
  };
}
