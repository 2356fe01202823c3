/**
 * A segmentation network as a file that takes raw voxels and gives labels:
 *
 *   patch:   input, statistics of the volume ──► normalize ──► network ──► logits ──► argmax ──► labels
 *   volume:  input ──► its statistics, normalize ──► pad ──► network ──► crop ──► logits ──► argmax ──► labels
 *
 * A file for a patch cannot know the volume that the patch is of, so it is told the statistics; a file for volumes of any
 * size computes them. NaN marks what is not part of the volume, such as the padding of a patch: it counts in no statistic and
 * is 0 for the network. Standard ONNX operators only.
 */
import type { SegmentationConfig } from "../data/volumes/recipe.js";
import type { OnnxDim, OnnxModel, OnnxNode, OnnxValueInfo } from "../formats/onnx/types.js";
import { type Given, normalizeGiven, normalizeWhole } from "./onnx-normalization.js";
import { type Ops, onnxOps } from "./onnx-ops.js";

/** What the input of such a file is: a part of a volume, of the size that the network was described for, or a whole one. */
export const RAW_INPUTS = ["patch", "volume"] as const;
export type RawInput = (typeof RAW_INPUTS)[number];

/** Sizes of the network's maps are halved three times: multiples of this are halved without a rest. */
export const SIZE_MULTIPLE = 8;

/** Statistics that a file for patches takes, in the order of its inputs, each [N, C]. */
const STATISTICS = ["mean", "standard_deviation", "lower", "upper"] as const;
export type Statistic = (typeof STATISTICS)[number];

/**
 * Those that a recipe needs: mean and standard deviation where a channel is normalized by its volume, after limiting values to
 * `lower` and `upper` where that is by percentiles; none for windows of Hounsfield units.
 */
export function neededStatistics({ normalization }: Pick<SegmentationConfig, "normalization">): readonly Statistic[] {
  const names = normalization.map(({ name }) => name);
  if (names.includes("percentiles")) return STATISTICS;
  return names.includes("z_score") ? STATISTICS.slice(0, 2) : [];
}

const INPUT = "input";
const LOGITS = "logits";
const LABELS = "labels";
const PREPARED = "recipe:prepared";
const NETWORK_LOGITS = "recipe:logits";

/**
 * Surround a network with the rest of its recipe.
 *
 * @param network - input [N, C, D, H, W] → "logits" [N, classes, D, H, W], compiled for the described size; for volumes with
 *   `optimize` false, so that nothing in it depends on the size
 * @returns inputs "input" [N, C, D, H, W] of raw voxels turned to RAS and resampled, and for patches the needed statistics;
 *   outputs "logits", and "labels" [N, D, H, W], int32 label values
 */
export function wrapSegmentation(network: OnnxModel, recipe: SegmentationConfig, raw: RawInput): OnnxModel {
  const { graph } = network;
  const ops = onnxOps("recipe");
  const names = new Map([
    [INPUT, PREPARED],
    [LOGITS, NETWORK_LOGITS],
  ]);
  const renamed = graph.nodes.map((node) => renameValues(node, names));
  const normalized =
    raw === "patch" ? normalizeGiven(ops, given(ops, recipe)) : normalizeWhole(ops, channelsOf(ops, INPUT, recipe), recipe.normalization);
  const padding = raw === "patch" ? null : paddingOf(ops, normalized);
  const prepared = padding === null ? normalized : ops.add("Pad", [normalized, padding.pads, ops.float("zero", 0)]);
  ops.name("Identity", [prepared], PREPARED);
  const before = ops.take();
  const cropped =
    padding === null ? NETWORK_LOGITS : ops.add("Slice", [NETWORK_LOGITS, padding.before, padding.end, ops.ints("spatial", [2, 3, 4])]);
  ops.name("Identity", [cropped], LOGITS);
  ops.name("Identity", [labelsOf(ops, recipe.labelValues)], LABELS);
  return {
    ...network,
    graph: {
      ...graph,
      nodes: [...before, ...renamed, ...ops.take()],
      initializers: [...graph.initializers, ...ops.constants()],
      inputs: inputsOf(graph.inputs, recipe, raw),
      outputs: outputsOf(graph.outputs, raw),
      valueInfo: [],
    },
  };
}

function renameValues(node: OnnxNode, names: ReadonlyMap<string, string>): OnnxNode {
  const renamed = (value: string): string => names.get(value) ?? value;
  return { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) };
}

/** The channels of a value [N, C, …], each [N, 1, …]. */
function channelsOf(ops: Ops, value: string, { normalization }: SegmentationConfig): readonly string[] {
  if (normalization.length === 1) return [value];
  return ops.addAll("Split", [value], normalization.length, { axis: 1, num_outputs: normalization.length });
}

/** The channels of a patch, each with its statistics. */
function given(ops: Ops, recipe: SegmentationConfig): readonly Given[] {
  const split = (statistic: Statistic): readonly string[] => {
    // [N, C] as [N, C, 1, 1, 1].
    const spread = ops.add("Unsqueeze", [statistic, ops.ints("spatial", [2, 3, 4])]);
    return channelsOf(ops, spread, recipe);
  };
  const statistics = neededStatistics(recipe).map((statistic) => [statistic, split(statistic)] as const);
  return channelsOf(ops, INPUT, recipe).map((x, channel) => ({
    x,
    normalization: recipe.normalization[channel] ?? { name: "z_score", region: "all" },
    statistics: Object.fromEntries(statistics.map(([statistic, values]) => [statistic, values[channel] ?? ""])),
  }));
}

/** Zeros around the volume up to sizes that the network halves without a rest, half of them before it, as around a window. */
function paddingOf(ops: Ops, volume: string) {
  const sizes = ops.add("Shape", [volume], { start: 2 });
  const multiple = ops.ints("multiple", [SIZE_MULTIPLE]);
  const missing = ops.add("Mod", [ops.add("Sub", [multiple, ops.add("Mod", [sizes, multiple])]), multiple]);
  const before = ops.add("Div", [missing, ops.ints("two", [2])]);
  const none = ops.ints("none", [0, 0]);
  const pads = ops.add("Concat", [none, before, none, ops.add("Sub", [missing, before])], { axis: 0 });
  return { before, end: ops.add("Add", [before, sizes]), pads };
}

function labelsOf(ops: Ops, values: readonly number[]): string {
  const classes = ops.add("ArgMax", [LOGITS], { axis: 1, keepdims: 0, select_last_index: 0 });
  const isIndex = values.every((value, index) => value === index);
  const labels = isIndex ? classes : ops.add("Gather", [ops.ints("label_values", values), classes], { axis: 0 });
  return ops.cast(labels, "int32");
}

const SIZE_NAMES = ["depth", "height", "width"];

function inputsOf(inputs: readonly OnnxValueInfo[], recipe: SegmentationConfig, raw: RawInput): readonly OnnxValueInfo[] {
  const [batch = "N"] = inputs[0]?.shape ?? [];
  if (raw === "volume") return inputs.map((input) => ({ ...input, shape: namedSizes(input.shape) }));
  const statistics = neededStatistics(recipe).map((name) => ({
    name,
    dtype: "float32" as const,
    shape: [batch, recipe.normalization.length],
  }));
  return [...inputs, ...statistics];
}

function outputsOf(outputs: readonly OnnxValueInfo[], raw: RawInput): readonly OnnxValueInfo[] {
  return outputs.flatMap((logits) => {
    const shape = raw === "volume" ? namedSizes(logits.shape) : logits.shape;
    const labels = { name: LABELS, dtype: "int32" as const, shape: shape?.filter((_, axis) => axis !== 1) ?? null };
    return [{ ...logits, shape }, labels];
  });
}

function namedSizes(shape: readonly OnnxDim[] | null): readonly OnnxDim[] | null {
  return shape?.map((size, axis) => (axis >= 2 ? (SIZE_NAMES[axis - 2] ?? size) : size)) ?? null;
}
