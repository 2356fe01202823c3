/// <reference types="vite/types/importMeta.d.ts" />
/** Every op of the index against its cases, plain loops, ONNX Runtime and PyTorch's numbers. A new op is found by its file. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Graph, typeOf } from "../../src/ir/graph.js";
import { isOpName, OPS, type OpName, opDef } from "../../src/ops/index.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { NAIVE_OPS, type NaiveResult } from "../naive-ops.js";
import { goldenGraphs, readOpGoldens } from "../op-goldens.js";
import { type AnyOpCase, caseValues, opGraph, splitValues } from "../op-graph.js";
import { type Floats, outputOf, runGraph, withModel } from "../run-graph.js";

/**
 * A float32 sum of n products is off by at most n·2⁻²⁴ of the sum of their sizes. The longest here has 147 products of
 * numbers up to 1, the largest result is about 10: 147 · 6e-8 · 10 = 9e-5 if all roundings conspired; in their usual
 * disorder they give √147 · 6e-8 · 10 = 7e-6, and 1.4e-6 was the worst seen. A wrong element moves a result by 1e-2 or more.
 */
const TOLERANCE = 1e-5;

const FILES = import.meta.glob<{ readonly cases: readonly AnyOpCase[] }>("../../src/ops/*.cases.ts", { eager: true });
const OP_NAMES = Object.keys(OPS).filter(isOpName);
const IMAGES = [1, 3];

/** Files of src/ops that are no op: what ops are made of. */
const SHARED_FILES = ["build", "gradient", "index", "op", "pool", "window"];

function fileName(op: string): string {
  return op.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function casesOf(op: OpName): readonly AnyOpCase[] {
  return FILES[`../../src/ops/${fileName(op)}.cases.ts`]?.cases ?? [];
}

describe("the index of ops", () => {
  test("lists every op file, sorted", () => {
    const files = readdirSync(path.join(import.meta.dirname, "../../src/ops"))
      .filter((name) => /^[a-z-]+\.ts$/.test(name))
      .map((name) => name.slice(0, -3))
      .filter((name) => !SHARED_FILES.includes(name));
    expect(OP_NAMES.map(fileName)).toEqual(files.sort());
    expect(OP_NAMES).toEqual([...OP_NAMES].sort());
  });

  test("has no cases of something else", () => {
    const caseFiles = Object.keys(FILES).map((name) => path.basename(name, ".cases.ts"));
    expect(caseFiles.filter((name) => name !== "op").sort()).toEqual(OP_NAMES.map(fileName).sort());
  });
});

describe.each(OP_NAMES)("%s", (op) => {
  const cases = casesOf(op);

  test("states its law and has cases of its own", () => {
    expect(opDef(op).doc.trim().length).toBeGreaterThan(10);
    expect(cases.length).toBeGreaterThan(1);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  test.each(cases)("$name", async (opCase) => {
    const graph = opGraph(op, opCase.inputs, opCase.attributes);
    const found = await runCase(op, graph, opCase);
    const declared = typeOf(graph, "node").shape;
    for (const [index, images] of IMAGES.entries()) {
      expect(declared.map((dim) => (typeof dim === "number" ? dim : images))).toEqual(found[index]);
    }
  });
});

/** Runs a case with one session for all batches; checks values, shapes and costs, and gives the shapes that came out. */
async function runCase(op: OpName, graph: Graph, opCase: AnyOpCase): Promise<readonly (readonly number[])[]> {
  const { parameters } = splitValues(opCase.inputs, caseValues(op, opCase, 1));
  return withModel(graph, parameters, {}, async (model) => {
    const found: (readonly number[])[] = [];
    for (const images of IMAGES) {
      const values = caseValues(op, opCase, images);
      const expected = naive(op, values, opCase.attributes);
      const y = outputOf(await model.run(splitValues(opCase.inputs, values).feeds), "y");
      expect(y.shape).toEqual(expected.shape);
      expect(worstDifference(y.data, expected.values)).toBeLessThan(TOLERANCE);
      expect(costOf(graph) * images).toBe(expected.macs);
      found.push(y.shape);
    }
    return found;
  });
}

/** Operations of later releases, for which the goldens are already here, and what our laws do not allow. */
const LATER = [
  "DC_and_CE_loss",
  "DiceCELoss",
  "DiceLoss",
  "adaptive_avg_pool2d+expand",
  "adaptive_avg_pool3d+expand",
  "batch_norm",
  "conv_transpose2d",
  "conv_transpose3d",
  "cross_entropy",
  "instance_norm",
  "interpolate",
  "leaky_relu",
  "local_response_norm",
  "prelu",
  "softmax",
];

describe("against PyTorch", () => {
  const goldens = readOpGoldens();
  const graphs = goldens.flatMap((golden) => goldenGraphs(golden).map((graph) => ({ name: golden.name, ...graph })));

  test("every golden has its op, but for those of later releases", () => {
    const unused = goldens.filter((golden) => goldenGraphs(golden).length === 0);
    expect([...new Set(unused.map(({ op }) => op))].sort()).toEqual(LATER);
    expect(unused.filter(({ op }) => op === "batch_norm").map(({ params }) => params.training)).toEqual([true, true, true]);
    expect(unused.filter(({ op }) => op === "local_response_norm").map(({ name }) => name)).toEqual(["lrn_size4_even"]);
    expect(goldens.length - unused.length).toBe(49);
  });

  test.each(graphs)("$name by $op", async ({ graph, parameters, feeds, expected }) => {
    const y = outputOf(await runGraph(graph, parameters, feeds), "y");
    expect(y.shape).toEqual(expected.shape);
    expect(worstDifference(y.data, [...expected.data])).toBeLessThan(TOLERANCE);
  });

  // The loops vouch for the cases that have no golden; here the goldens vouch for the loops.
  test.each(graphs.filter(({ graph }) => graph.nodes.length === 1))(
    "$name by the loops of $op",
    ({ graph, parameters, feeds, expected }) => {
      const [node] = graph.nodes;
      if (node === undefined || !isOpName(node.op)) throw new RangeError("Cannot find the node");
      const inputs = node.inputs.map((name) => feeds[name] ?? weight(parameters, name));
      const y = naive(node.op, inputs, node.attributes);
      expect(y.shape).toEqual(expected.shape);
      expect(worstDifference(expected.data, y.values)).toBeLessThan(TOLERANCE);
    },
  );
});

function weight(parameters: ReadonlyMap<string, Tensor>, name: string): Floats {
  const tensor = parameters.get(name);
  if (!(tensor?.data instanceof Float32Array)) throw new RangeError(`Cannot find weight ${name}`);
  return { shape: tensor.shape, data: tensor.data };
}

/** The loops of an op; its attributes are those of its own cases. */
function naive(op: OpName, values: readonly Floats[], attributes: AnyOpCase["attributes"]): NaiveResult {
  return NAIVE_OPS[op](values, attributes as never);
}

function costOf(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => {
    const types = (names: readonly string[]) => names.map((name) => typeOf(graph, name));
    return sum + opDef(node.op).macs(types(node.inputs), types(node.outputs), node.attributes);
  }, 0);
}

function worstDifference(ours: Float32Array, theirs: readonly number[]): number {
  return ours.reduce((worst, value, index) => Math.max(worst, Math.abs(value - Number(theirs[index]))), 0);
}
