/** Every op of the index against its cases, plain loops, ONNX Runtime and PyTorch's numbers. A new op is found by its file. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Graph, typeOf } from "../../src/ir/graph.js";
import { isOpName, OPS, type OpName, opDef } from "../../src/ops/index.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { cotangentName, differentiated } from "../gradient-graph.js";
import type { NaiveResult } from "../naive.js";
import { NAIVE_OPS } from "../naive-ops.js";
import { caseFiles, casesOf, fileName } from "../op-cases/index.js";
import { goldenGraphs, readOpGoldens } from "../op-goldens.js";
import { type AnyOpCase, asNumbers, caseValues, hasBatch, opGraph, outputName, splitValues } from "../op-graph.js";
import { distinctTargets, outputOf, runGraph, type Values, withModel } from "../run-graph.js";

/**
 * A float32 sum of n products is off by at most n·2⁻²⁴ of the sum of their sizes. The longest here has 147 products of
 * numbers up to 1, the largest result is about 10: 147 · 6e-8 · 10 = 9e-5 if all roundings conspired; in their usual
 * disorder they give √147 · 6e-8 · 10 = 7e-6, and 1.4e-6 was the worst seen. A wrong element moves a result by 1e-2 or more.
 */
const TOLERANCE = 1e-5;

const OP_NAMES = Object.keys(OPS).filter(isOpName);
const IMAGES = [1, 3];
/** What src/ops holds beside one file per op: docs/decisions/0008-ops-folder.md says why. */
const CONTRACT_FILES = ["build.ts", "index.ts", "op.ts"];

describe("the index of ops", () => {
  test("lists every op file, sorted", () => {
    const folder = path.join(import.meta.dirname, "../../src/ops");
    const defined = readdirSync(folder)
      .filter((name) => /^[a-z-]+\.ts$/.test(name))
      .flatMap((name) => [...readFileSync(path.join(folder, name), "utf8").matchAll(/^export const (\w+): OpDef</gm)])
      .map(([, op = ""]) => op);
    expect(OP_NAMES).toEqual(defined.sort());
    const files = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    expect(files.sort()).toEqual([...CONTRACT_FILES, ...OP_NAMES.map((op) => `${fileName(op)}.ts`)].sort());
    expect(OP_NAMES).toEqual([...OP_NAMES].sort());
  });

  test("has no cases of something else", () => {
    expect(caseFiles().toSorted()).toEqual(OP_NAMES.map(fileName).sort());
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
    await runCase(op, opGraph(op, opCase.inputs, opCase.attributes), opCase);
  });
});

/** Runs a case for every target with one session for all batches; checks values, shapes and costs of all outputs. */
async function runCase(op: OpName, graph: Graph, opCase: AnyOpCase): Promise<void> {
  const { parameters } = splitValues(opCase.inputs, caseValues(op, opCase, 1));
  const expected = (hasBatch(opCase) ? IMAGES : [1]).map((images) => {
    const values = caseValues(op, opCase, images);
    return { images, ...splitValues(opCase.inputs, values), result: naive(op, values, opCase.attributes) };
  });
  for (const options of distinctTargets(graph, parameters)) {
    await withModel(graph, parameters, options, async (model) => {
      for (const { images, feeds, result } of expected) {
        const outputs = await model.run(feeds);
        for (const [index, output] of [result, ...(result.further ?? [])].entries()) {
          const y = outputOf(outputs, outputName(index));
          expect(y.shape).toEqual(output.shape);
          expect(worstDifference(y.data, output.values)).toBeLessThan(TOLERANCE);
        }
        expect(declaredShapes(graph, images)).toEqual([result, ...(result.further ?? [])].map(({ shape }) => shape));
        expect(costOf(graph) * images).toBe(result.macs);
      }
    });
  }
}

/** The shapes of the node's outputs as its law gives them, for so many images. */
function declaredShapes(graph: Graph, images: number) {
  const outputs = graph.nodes[0]?.outputs ?? [];
  return outputs.map((output) => typeOf(graph, output).shape.map((dim) => (typeof dim === "number" ? dim : images)));
}

/** Losses are made of many ops and have tests of their own. */
const LOSSES = ["DC_and_CE_loss", "DiceCELoss", "DiceLoss", "cross_entropy"];

describe("against PyTorch", () => {
  const goldens = readOpGoldens();
  const graphs = goldens.flatMap((golden) => goldenGraphs(golden).map((graph) => ({ ...golden, ...graph })));

  test("every golden has its op, but for losses", () => {
    const unused = goldens.filter((golden) => goldenGraphs(golden).length === 0);
    expect([...new Set(unused.map(({ op }) => op))].sort()).toEqual(LOSSES);
    expect(goldens.length - unused.length).toBe(75);
  });

  test.each(graphs)("$name by $op", async ({ graph, parameters, feeds, expected }) => {
    const y = outputOf(await runGraph(graph, parameters, feeds), "y");
    expect(y.shape).toEqual(expected.shape);
    expect(worstDifference(y.data, [...expected.data])).toBeLessThan(TOLERANCE);
  });

  test.each(graphs)("$name by $op, gradients", async ({ graph, names, parameters, feeds, grad_output, grads }) => {
    const values = { ...feeds, ...Object.fromEntries([...parameters.keys()].map((name) => [name, weight(parameters, name)])) };
    const wrt = names.map((_, index) => String(index));
    const { graph: gradientGraph, reached } = differentiated(graph, values, wrt, ["y"]);
    expect(reached).toEqual(wrt);
    const cotangent = { shape: grad_output.shape, data: Float32Array.from(grad_output.data) };
    const results = await runGraph(gradientGraph, new Map(), { ...values, [cotangentName("y")]: cotangent });
    expect(Object.keys(grads).sort()).toEqual([...names].sort());
    for (const [index, name] of names.entries()) {
      const gradient = outputOf(results, `d:${index}`);
      const expected = grads[name];
      expect(gradient.shape).toEqual(expected?.shape);
      expect(worstDifference(gradient.data, expected?.data ?? [])).toBeLessThan(
        TOLERANCE * Math.max(1, ...(expected?.data ?? []).map(Math.abs)),
      );
    }
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

function weight(parameters: ReadonlyMap<string, Tensor>, name: string): Values {
  const tensor = parameters.get(name);
  if (!(tensor?.data instanceof Float32Array)) throw new RangeError(`Cannot find weight ${name}`);
  return { shape: tensor.shape, data: tensor.data };
}

/** The loops of an op; its attributes are those of its own cases. */
function naive(op: OpName, values: readonly Values[], attributes: AnyOpCase["attributes"]): NaiveResult {
  return NAIVE_OPS[op](values.map(asNumbers), attributes as never);
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
