import { lowerInference } from "../compile/compile.js";
import type { OnnxModel } from "../formats/onnx/types.js";
import { type Graph, typeOf } from "../ir/graph.js";
import { type Comparison, compareStructures, ignoreKinds } from "./compare.js";
import { structureOfOnnx } from "./onnx-structure.js";
import { type Layer, type Structure, structureOfGraph, totals } from "./structure.js";

/** What can be compared: a described network, or a decoded ONNX file under a name. */
export type Operand =
  | { readonly graph: Graph }
  | {
      readonly name: string;
      readonly onnx: OnnxModel;
      /** Initializers that are constants and not parameters; see `OnnxForm`. */
      readonly constants?: ReadonlySet<string>;
    };

/**
 * In what two networks differ, each described or read from an ONNX file. Beside a file a described network is compared as
 * it would be exported, node by node; where one of the two has its batch normalizations folded into the convolutions, they
 * are folded in the other one too. `notes` says what was done.
 */
export function compareOperands(a: Operand, b: Operand): Comparison {
  const sides = [
    { label: "A", operand: a },
    { label: "B", operand: b },
  ];
  const described = sides.filter(({ operand }) => "graph" in operand);
  const asFiles = described.length < 2;
  const [ofA, ofB] = [structureOf(a, asFiles), structureOf(b, asFiles)];
  const notes = asFiles ? [...described.map(exportNote), "values of weights are not compared: `compareTensors` does"] : [];
  const counted = [ofA, ofB].flatMap(({ named }, index) => (named ? [] : [index === 0 ? "A" : "B"]));
  if (counted.length > 0) {
    notes.push(`names in ${counted.join(" and ")} are numbers: layers are matched by what they do, in order, and names are not compared`);
  }
  const folded = asFiles ? foldTogether(ofA, ofB) : null;
  const compared = folded === null ? compareStructures(ofA, ofB, notes) : compareStructures(folded.a, folded.b, [...notes, folded.note]);
  return counted.length > 0 ? ignoreKinds(compared, ["name"]) : compared;
}

function exportNote({ label }: { readonly label: string }): string {
  return `${label} is compared as it would be exported: operators are ONNX's, and dropout, which does nothing at inference, is left out`;
}

/**
 * A decoded ONNX file as it is compared, counted and drawn.
 *
 * @param constants - initializers that are not parameters. Default: none
 */
export function structureOfFile(name: string, { graph }: OnnxModel, constants: ReadonlySet<string> = new Set()): Structure {
  const { nodes, initializers, inputs, outputs, valueInfo } = graph;
  return structureOfOnnx({ name, nodes, initializers, constants, inputs, outputs, valueInfo });
}

function structureOf(operand: Operand, asFile: boolean): Structure {
  if ("onnx" in operand) return structureOfFile(operand.name, operand.onnx, operand.constants);
  const { graph } = operand;
  if (!asFile) return structureOfGraph(graph);
  const { rewritten, nodes, constants } = lowerInference(graph);
  const ends = (list: readonly { readonly name: string; readonly value: string }[]) =>
    list.map(({ name, value }) => ({ name, ...typeOf(rewritten, value) }));
  return structureOfOnnx({
    name: graph.name,
    nodes,
    initializers: [
      ...rewritten.parameters.map(({ path, type }) => ({ name: path, dtype: type.dtype, shape: type.shape.map(Number) })),
      ...constants,
    ],
    inputs: ends(rewritten.inputs.map(({ name }) => ({ name, value: name }))),
    constants: new Set(constants.map(({ name }) => name)),
    outputs: ends(rewritten.outputs),
  });
}

interface Folded {
  readonly a: Structure;
  readonly b: Structure;
  readonly note: string;
}

/** Both sides without normalizations behind convolutions, where one has such and the other has none; else null. */
function foldTogether(a: Structure, b: Structure): Folded | null {
  const [inA, inB] = [foldable(a), foldable(b)];
  if (inA.size > 0 === inB.size > 0) return null;
  const [label, folds] = inA.size > 0 ? ["A", inA] : ["B", inB];
  const note = `${label} has ${folds.size} batch normalizations behind convolutions and the other none: they are compared as folded into kernels and biases, which changes no result`;
  return inA.size > 0 ? { a: withFolded(a, inA), b, note } : { a, b: withFolded(b, inB), note };
}

/** Each batch normalization that alone reads a convolution, with that convolution. */
function foldable({ blocks, makers }: Structure): ReadonlyMap<Layer, Layer> {
  const layers = blocks.flatMap(({ all }) => all);
  const readers = new Map<string, number>();
  for (const value of layers.flatMap(({ reads }) => reads)) readers.set(value, (readers.get(value) ?? 0) + 1);
  return new Map(
    layers.flatMap((layer) => {
      const [value = ""] = layer.reads;
      const conv = makers.get(value);
      return layer.op === "BatchNormalization" && conv?.op === "Conv" && readers.get(value) === 1 ? [[layer, conv] as const] : [];
    }),
  );
}

/** A structure whose convolutions have a bias instead of the normalization behind them. */
function withFolded(structure: Structure, folds: ReadonlyMap<Layer, Layer>): Structure {
  const biased = new Map(
    [...folds.values()].map((conv) => {
      const [kernel = []] = conv.weights;
      const bias = [kernel[0] ?? 0];
      const count = kernel.reduce((product, size) => product * size, 1);
      return [conv, { ...conv, weights: [kernel, bias], parameters: count + (bias[0] ?? 0) }] as const;
    }),
  );
  const now = (layer: Layer): Layer => biased.get(layer) ?? layer;
  const kept = (layers: readonly Layer[]): readonly Layer[] => layers.filter((layer) => !folds.has(layer)).map(now);
  const blocks = structure.blocks.map((block) => ({ ...block, layers: kept(block.layers), all: kept(block.all) }));
  const all = blocks.flatMap((block) => block.all);
  return {
    ...structure,
    blocks,
    makers: new Map([...structure.makers].map(([value, layer]) => [value, now(folds.get(layer) ?? layer)])),
    layers: all.length,
    parameters: totals(all).parameters,
  };
}
