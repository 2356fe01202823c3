/**
 * Every gradient rule against finite differences of the plain loops, on the cases of its op.
 *
 * For the scalar f(x) = Σ output · cotangent the rule's gradient g must fulfil ⟨g, v⟩ = df(x + t·v)/dt at t = 0 for any
 * direction v. The right side is a central difference of the loops in float64, so it is good to about 1e-9 and all of the
 * deviation is the float32 of the graph.
 */
import { describe, expect, test } from "vitest";
import { compileInference } from "../../src/compile/compile.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { decodeModel } from "../../src/formats/onnx/decode.js";
import { isOpName, OPS, type OpName, opDef } from "../../src/ops/index.js";
import { fillUniform, fnv1a32, mulberry32 } from "../../src/tensor/fill.js";
import { elementCount } from "../../src/tensor/tensor.js";
import { cotangentName, type Differentiated, differentiated } from "../gradient-graph.js";
import type { NaiveTensor } from "../naive.js";
import { NAIVE_OPS } from "../naive-ops.js";
import { casesOf } from "../op-cases/index.js";
import { type AnyOpCase, asNumbers, caseValues, opGraph, outputName } from "../op-graph.js";
import { distinctTargets, type Floats, outputOf, runGraph, type Values } from "../run-graph.js";

const IMAGES = 2;

/** Step of the central difference: its own error is about f'''·1e-10/6, the rounding of the loops about 1e-16 · 1e5. */
const STEP = 1e-5;

/** Of what the largest terms of ⟨g, v⟩ add up to: float32 rounds each to 6e-8, and the worst gradients are sums of a hundred. */
const TOLERANCE = 1e-5;

/** Ops without a gradient, on purpose; each file says why. */
const NOT_DIFFERENTIABLE: readonly OpName[] = ["constant", "dequantizeLinear", "dropout", "oneHot", "quantizeLinear", "reduceMax"];

/** Inputs that are constants to the loss: statistics that were gathered before. */
const WITHOUT_GRADIENT: Partial<Readonly<Record<OpName, readonly string[]>>> = { batchNormalization: ["3", "4"] };

/** Outputs through which gradients flow, where that is not all. */
const IN_THE_LOSS: Partial<Readonly<Record<OpName, readonly string[]>>> = { batchNormalizationTraining: ["y"], convChwn: ["y"] };

const DIFFERENTIABLE = Object.keys(OPS)
  .filter(isOpName)
  .filter((op) => opDef(op).grad !== null);

test("all other ops have a gradient, but for those that are only used in gradients", () => {
  const others = Object.keys(OPS).filter((op) => isOpName(op) && opDef(op).grad === null && !op.endsWith("Gradient"));
  expect(others).toEqual(NOT_DIFFERENTIABLE);
});

describe.each(DIFFERENTIABLE)("%s", (op) => {
  test.each(casesOf(op).filter(canBeTested))("$name", async (opCase) => {
    const subject = subjectOf(op, opCase);
    const whole = differentiated(subject.graph, subject.values, Object.keys(subject.values).filter(subject.isFloat), subject.outputs);
    expect(whole.reached).toEqual(subject.wrt);
    for (const options of distinctTargets(whole.graph, new Map())) {
      const results = await runGraph(whole.graph, new Map(), subject.feeds, options);
      for (const name of subject.wrt) checkDirections(subject, name, outputOf(results, `d:${name}`));
    }
    for (const target of ["standard", "webgpu"] as const) expect(foreignOps(whole, target)).toEqual([]);
    await checkEachAlone(subject);
  });
});

interface Subject {
  readonly graph: ReturnType<typeof opGraph>;
  readonly values: Readonly<Record<string, Values>>;
  /** The values and the cotangents. */
  readonly feeds: Readonly<Record<string, Values>>;
  readonly isFloat: (input: string) => boolean;
  /** The inputs that have a gradient. */
  readonly wrt: readonly string[];
  /** The outputs in the loss. */
  readonly outputs: readonly string[];
  /** f at these inputs. */
  readonly loss: (inputs: readonly NaiveTensor[]) => number;
}

function subjectOf(op: OpName, opCase: AnyOpCase): Subject {
  const list = caseValues(op, opCase, IMAGES).map((value, index) => smoothValue(op, opCase, index, value));
  const values = Object.fromEntries(list.map((value, index) => [String(index), value]));
  const isFloat = (input: string): boolean => values[input]?.data instanceof Float32Array;
  const graph = opGraph(op, opCase.inputs, opCase.attributes);
  const outputs = IN_THE_LOSS[op] ?? graph.outputs.map(({ name }) => name);
  const outputsOf = (inputs: readonly NaiveTensor[]) => {
    // The cases of an op have its attributes.
    const { further = [], ...first } = NAIVE_OPS[op](inputs, opCase.attributes as never);
    return [first, ...further].filter((_, index) => outputs.includes(outputName(index)));
  };
  const cotangents = outputsOf(list.map(asNumbers)).map(({ shape }, index) => ({
    shape,
    data: fillUniform(`cotangent:${op}:${opCase.name}:${index}`, elementCount(shape), -1, 1),
  }));
  return {
    graph,
    values,
    feeds: { ...values, ...Object.fromEntries(cotangents.map((value, index) => [cotangentName(outputs[index] ?? ""), value])) },
    isFloat,
    wrt: Object.keys(values).filter((name) => isFloat(name) && !WITHOUT_GRADIENT[op]?.includes(name)),
    outputs,
    loss: (inputs) => outputsOf(inputs).reduce((sum, { values: y }, index) => sum + dot(y, cotangents[index]?.data ?? []), 0),
  };
}

/**
 * Not tested: cases whose inputs are all the same number, where there is a kink and no derivative to compare with, and one
 * where ONNX Runtime's shape rule counts a last window in the padding that its kernel leaves out, so that nothing with
 * fixed sizes can follow.
 */
function canBeTested({ name, inputs }: AnyOpCase): boolean {
  return inputs.every(({ low = -1, high = 1 }) => low < high) && name !== "a last window that would start in the padding";
}

/**
 * Inputs away from kinks: the n elements are n different numbers, (high − low)/n apart, in random order, none of them in
 * the middle of the range. So no maximum is a tie and no ReLU is at 0 within thousands of steps.
 */
function smoothValue(op: OpName, { name, inputs }: AnyOpCase, index: number, value: Values): Values {
  if (!(value.data instanceof Float32Array)) return value;
  const { low = -1, high = 1 } = inputs[index] ?? {};
  const draw = mulberry32(fnv1a32(`gradient:${op}:${name}:${index}`));
  const order = Array.from(value.data, (_, position) => ({ position, key: draw() })).sort((a, b) => a.key - b.key);
  const data = new Float32Array(order.length);
  for (const [rank, { position }] of order.entries()) data[position] = low + ((high - low) * (rank + 0.25)) / order.length;
  return { shape: value.shape, data };
}

/** ⟨g, v⟩ against the central difference, for three directions. */
function checkDirections({ values, loss }: Subject, name: string, gradient: Floats): void {
  const inputs = Object.values(values).map(asNumbers);
  const index = Number(name);
  const x = inputs[index];
  if (x === undefined) throw new RangeError(`Cannot find input ${name}`);
  expect(gradient.shape).toEqual(x.shape);
  for (const direction of ["a", "b", "c"]) {
    const v = fillUniform(`direction:${name}:${direction}`, x.data.length, -1, 1);
    const moved = (step: number) =>
      loss(inputs.with(index, { shape: x.shape, data: Array.from(x.data, (value, i) => value + step * (v[i] ?? 0)) }));
    const expected = (moved(STEP) - moved(-STEP)) / (2 * STEP);
    const size = gradient.data.reduce((sum, g, i) => sum + Math.abs(g * (v[i] ?? 0)), 1);
    expect(Math.abs(dot(gradient.data, v) - expected) / size).toBeLessThan(TOLERANCE);
  }
}

/** A rule that is asked for one input builds nothing else, which would be a value that nothing reads. */
async function checkEachAlone(subject: Subject): Promise<void> {
  if (subject.wrt.length < 2) return;
  for (const name of subject.wrt) {
    const alone = differentiated(subject.graph, subject.values, [name], subject.outputs);
    expect(alone.graph.outputs.map((output) => output.name)).toEqual(["loss", `d:${name}`]);
    checkDirections(subject, name, outputOf(await runGraph(alone.graph, new Map(), subject.feeds), `d:${name}`));
  }
}

function foreignOps({ graph }: Differentiated, target: "standard" | "webgpu"): readonly string[] {
  const { nodes } = decodeModel(concatChunks(compileInference(graph, new Map(), { target }).chunks)).graph;
  return nodes.filter(({ domain }) => domain !== "").map(({ opType }) => opType);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, index) => sum + value * Number(b[index]), 0);
}
