/**
 * From a network with floats to one with integers.
 *
 *   Network ──1 fold──► Network ──2 plan──► what becomes int8 ──3 calibrate──► ranges ──4 quantize──► Network with pairs
 *
 * The result is a graph like any other. Each value that is quantized goes through a pair, quantizeLinear and
 * dequantizeLinear ("QDQ"), so it means the same in every runtime: floats rounded to levels. A runtime with integer kernels
 * joins the pairs with the nodes between them.
 */

import { type Graph, type Node, type Parameter, typeOf } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { rewriteGraph } from "../../ir/rewrite.js";
import { GraphBuilder, type Ref } from "../../ops/build.js";
import { checkGraph } from "../../ops/index.js";
import { at, firstOf } from "../../tensor/at.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Levels, levelsOf, quantizeKernel } from "./levels.js";
import { floatsOf, type Network } from "./network.js";
import type { QuantizationPlan } from "./plan.js";
import type { Range } from "./ranges.js";
import { quantizeRule } from "./rules.js";

export interface QuantizeOptions {
  /**
   * Kernels in 7 bits, −64 to 64. Processors before AVX-512 VNNI add two products in 16 bits, which 8-bit kernels overflow
   * and 7-bit ones do not. Default false.
   */
  readonly reduceRange?: boolean;
}

/** The values that must be calibrated, by name: those whose range others may have too. */
export function calibratedValues({ ranges }: QuantizationPlan): readonly string[] {
  return [...new Set(ranges.values())];
}

/**
 * The network whose outputs are the values that must be calibrated, under their own names: run it on typical inputs and
 * collect what they are. null where only the inputs themselves must be.
 *
 * @param graph - folded, as the plan was made of it
 */
export function calibrationGraph(graph: Graph, plan: QuantizationPlan): Graph | null {
  const values = calibratedValues(plan).filter((value) => !graph.inputs.some(({ name }) => name === value));
  if (values.length === 0) return null;
  const shown = { ...graph, outputs: values.map((value) => ({ name: value, value })) };
  return checkGraph(selectOutputs(shown, values));
}

/**
 * The network with pairs around what the plan says, int8 kernels and int32 biases. A rectifier that vanishes is the range
 * that begins at 0.
 *
 * @param ranges - of every value of `calibratedValues`
 * @throws RangeError where a range is missing
 */
export function quantizeNetwork(
  network: Network,
  plan: QuantizationPlan,
  ranges: ReadonlyMap<string, Range>,
  options: QuantizeOptions = {},
): Network {
  const { graph } = network;
  const levels = new Map(
    [...plan.ranges].map(([value, owner]) => {
      const range = ranges.get(owner);
      if (range === undefined) throw new RangeError(`Cannot quantize "${graph.name}": value "${owner}" has no range`);
      return [value, levelsOf(range)] as const;
    }),
  );
  const draft = new Draft(network, plan, levels, options.reduceRange === true ? 64 : 127);
  for (const { name } of graph.inputs) draft.pair(name, name);
  for (const node of graph.nodes) draft.add(node);
  return draft.finish();
}

/** The network as it is written. A class because it has identity: what each value is called so far. */
class Draft {
  readonly #network: Network;
  readonly #plan: QuantizationPlan;
  readonly #levels: ReadonlyMap<string, Levels>;
  readonly #largest: number;
  readonly #builder: GraphBuilder;
  readonly #stages = new Map<string, string>();
  /** Of each old value: what a float node reads, and the pair's output where there is one. */
  readonly #plain = new Map<string, Ref>();
  readonly #pairs = new Map<string, Ref>();
  readonly #integers = new Map<string, Tensor>();

  constructor(network: Network, plan: QuantizationPlan, levels: ReadonlyMap<string, Levels>, largest: number) {
    this.#network = network;
    this.#plan = plan;
    this.#levels = levels;
    this.#largest = largest;
    this.#builder = new GraphBuilder(network.graph.name);
    for (const { name, type } of network.graph.inputs) this.#plain.set(name, this.#builder.input(name, type.shape, type.dtype));
  }

  /** One node of the old network, with what it needs before and behind it. */
  add(node: Node): void {
    const { nodes, rectified } = this.#plan;
    // A rectifier whose input is cut by quantizing is gone.
    if (node.inputs[0] !== undefined && rectified.has(node.inputs[0])) return;
    const before = this.#builder.nodes().length;
    const isQuantized = nodes.has(node.path);
    const outputs = this.#builder.addNode(
      node.op,
      node.path,
      isQuantized ? this.#levelInputs(node) : node.inputs.map((input) => this.#float(input)),
      node.attributes,
    );
    for (const [index, output] of outputs.entries()) this.#plain.set(at(node.outputs, index), output);
    const y = at(node.outputs, 0);
    const value = rectified.get(y) ?? y;
    const pair = this.pair(y, value);
    // What a node on levels gives exists as levels only.
    if (isQuantized && pair !== null) this.#plain.set(value, pair);
    for (const { path } of this.#builder.nodes().slice(before)) this.#stages.set(path, node.stage);
  }

  /** The pair of an old value, out of the new value of `from`; null where the value is not quantized. */
  pair(from: string, value: string): Ref | null {
    const levels = this.#levels.get(value);
    if (levels === undefined) return null;
    const { scale, zeroPoint } = levels;
    const quantized = this.#builder.add("quantizeLinear", `${value}.quantize`, [this.#float(from)], { scale, zeroPoint });
    const back = this.#builder.add("dequantizeLinear", `${value}.dequantize`, [quantized], { scales: [scale], zeroPoint, axis: 0 });
    this.#pairs.set(value, back);
    return back;
  }

  #levelInputs(node: Node): readonly Ref[] {
    if (quantizeRule(node.op)?.kind !== "weighted") return node.inputs.map((input) => this.#pair(input));
    const [x, kernel] = firstOf(node.inputs, 2);
    const bias = node.inputs[2];
    const weights = floatsOf(this.#network, kernel);
    const channels = at(weights.shape, 0);
    const biases = bias === undefined ? null : floatsOf(this.#network, bias).data;
    const inputScale = this.#levels.get(x)?.scale;
    if (inputScale === undefined) throw new RangeError(`Cannot quantize: value "${x}" has no levels`);
    const result = quantizeKernel(weights.data, biases, channels, { inputScale, largest: this.#largest });
    const ref = this.#integer(kernel, { dtype: "int8", shape: weights.shape, data: result.kernel }, result.kernelScales);
    if (bias === undefined || result.bias === null) return [this.#pair(x), ref];
    return [this.#pair(x), ref, this.#integer(bias, { dtype: "int32", shape: [channels], data: result.bias }, result.biasScales)];
  }

  /** A parameter as integers, and the node that gives it as floats. */
  #integer(path: string, tensor: Tensor, scales: readonly number[]): Ref {
    this.#integers.set(path, tensor);
    const stored = this.#builder.input(path, tensor.shape, tensor.dtype);
    return this.#builder.add("dequantizeLinear", `${path}.dequantize`, [stored], { scales, zeroPoint: 0, axis: 0 });
  }

  #pair(value: string): Ref {
    const ref = this.#pairs.get(value);
    if (ref === undefined) throw new RangeError(`Cannot quantize: value "${value}" has no levels`);
    return ref;
  }

  #float(value: string): Ref {
    const known = this.#plain.get(value);
    if (known !== undefined) return known;
    const { shape, dtype } = typeOf(this.#network.graph, value);
    const ref = this.#builder.input(value, shape, dtype);
    this.#plain.set(value, ref);
    return ref;
  }

  finish(): Network {
    const { graph } = this.#network;
    const { nodes, types } = this.#builder.draft();
    const replaced = new Map([...this.#plain].flatMap(([value, { id }]) => (id === value ? [] : [[value, id] as const])));
    const parameters = graph.parameters.map((parameter): Parameter => {
      const tensor = this.#integers.get(parameter.path);
      return tensor === undefined ? parameter : { ...parameter, type: { dtype: tensor.dtype, shape: tensor.shape } };
    });
    // The pairs of the network's inputs belong to the first stage.
    const [first] = graph.stages;
    const before = first === undefined ? "" : first.path;
    const staged = nodes.map((node) => ({ ...node, stage: this.#stages.get(node.path) ?? before }));
    return {
      graph: checkGraph(rewriteGraph(graph, { nodes: staged, parameters, replaced, types })),
      parameters: new Map([...this.#network.parameters, ...this.#integers]),
    };
  }
}
