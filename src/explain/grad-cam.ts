import { gradients } from "../autodiff/gradient.js";
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { beginExplanation, finishExplanation, scoresOf, totalOf } from "./explained.js";

/** Options of Grad-CAM. */
export interface GradCamOptions {
  /** Path of a module or stage with a map [N, C, h, w]. Default: the last map, which the global average reads. */
  readonly layer?: string;
}

/**
 * Grad-CAM: where in the last map the channels that speak for a class are active.
 *
 * With A the map [C, h, w] and y the logit: a_c = mean over the map of ∂y/∂A_c, and the map is ReLU(Σ_c a_c A_c), brought
 * to the size of the input by bilinear interpolation. Source: Selvaraju et al., arXiv:1610.02391, equations 1 and 2.
 *
 * @returns inputs "input" [1, C, H, W] and "target" [1] int32; outputs "map" [1, 1, H, W], "coarse" [1, 1, h, w] before
 *   it is enlarged, and "logits" [1, classes]
 * @throws InceptionError OPTION_INVALID for a network without logits of images, or a layer that is no map
 *
 * @example
 * ```ts
 * import { gradCam } from "inceptionkit/explain";
 * import { describeModel } from "inceptionkit/models";
 * gradCam(describeModel("googlenet", { widthMultiplier: 0.125 })).outputs.map(({ name }) => name); // ["map", "coarse", "logits"]
 * ```
 */
export function gradCam(network: Graph, options: GradCamOptions = {}): Graph {
  const { explained, plain } = beginExplanation(network, "grad_cam");
  const { b, input, run } = explained;
  const layer = options.layer === undefined ? lastMap(plain) : layerValue(plain, options.layer);
  const { logits, value } = run(input);
  const map = value(layer);
  const [gradient] = gradients(b, totalOf(explained, "explain.score", scoresOf(explained, "explain.scores", logits)), [map]);
  if (!gradient) throw unusable(network, options.layer ?? layer, "the logits do not depend on it");
  const weights = b.add("reduceMean", "explain.channel_weights", [gradient], { axes: [2, 3], keepDims: true });
  const weighted = b.add("mul", "explain.weighted", [map, weights], {});
  const coarse = b.add("relu", "explain.coarse", [b.add("reduceSum", "explain.summed", [weighted], { axes: [1], keepDims: true })], {});
  return finishExplanation(explained, coarse, { coarse, logits });
}

/** What the last global average reads. */
function lastMap(network: Graph): string {
  const pool = network.nodes.findLast(({ op }) => op === "globalAveragePool");
  const [map] = pool?.inputs ?? [];
  if (map !== undefined) return map;
  throw unusable(network, "", "it has no global average pooling; pass `layer`");
}

function layerValue(network: Graph, path: string): string {
  const found = [...network.modules, ...network.stages].find((module) => module.path === path);
  const rank = found && network.types.get(found.output)?.shape.length;
  if (found !== undefined && rank === 4) return found.output;
  const stages = network.stages.filter(({ output }) => network.types.get(output)?.shape.length === 4).map((stage) => stage.path);
  const shown = stages.slice(-6).join(", ");
  throw unusable(network, path, `it is not a module with a feature map, expected one such as ${shown}`);
}

function unusable({ name }: Graph, layer: string, fact: string): InceptionError {
  const place = layer === "" ? "" : ` at layer "${layer}"`;
  return new InceptionError("OPTION_INVALID", `Cannot explain "${name}"${place}: ${fact}`, { network: name, layer });
}
