import { describe, expect, test } from "vitest";
import { compileInference } from "../compile/compile.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { decodeModel } from "../formats/onnx/decode.js";
import type { OnnxModel, OnnxNode } from "../formats/onnx/types.js";
import { describeModel, findModel, MODELS } from "../models/index.js";
import { goldenParameters } from "../weights/golden.js";
import { compareOperands } from "./operands.js";

function exported(id: string, options: Readonly<Record<string, unknown>> = {}): OnnxModel {
  const graph = findModel(id).describe(options);
  return decodeModel(concatChunks(compileInference(graph, goldenParameters(graph)).chunks));
}

const NARROW = { widthMultiplier: 0.05, numClasses: 7 };

describe("a described network and its exported file", () => {
  test.each(MODELS)("$id: equal, node by node", ({ id, describe: build }) => {
    const options = { ...NARROW, ...(id === "inception_resnet_v1.public" ? { numClasses: 0 } : {}) };
    const graph = build(options);
    const onnx = exported(id, options);
    // What lowering adds, such as residual scales, is not among the network's parameters.
    const paths = new Set(graph.parameters.map(({ path }) => path));
    const constants = new Set(onnx.graph.initializers.map(({ name }) => name).filter((name) => !paths.has(name)));
    const comparison = compareOperands({ graph }, { name: "file.onnx", onnx, constants });
    expect(comparison.differences).toEqual([]);
    expect(comparison.notes).toEqual([
      "A is compared as it would be exported: operators are ONNX's, and dropout, which does nothing at inference, is left out",
      "values of weights are not compared: `compareTensors` does",
    ]);
  });

  test("another number of classes shows in the classifier and the output alone", () => {
    const graph = describeModel("googlenet.public", { ...NARROW, numClasses: 9 });
    const { differences } = compareOperands({ name: "file.onnx", onnx: exported("googlenet.public", NARROW) }, { graph });
    // A twentieth of 384, 384, 128 and 128 channels, rounded: 19 + 19 + 6 + 6 features, and a bias for each class.
    expect(differences.filter(({ kind }) => kind === "output")).toEqual([
      { path: "", kind: "output", a: "logits: float32[N, 7]", b: "logits: float32[N, 9]" },
    ]);
    expect(new Set(differences.map(({ path }) => path))).toEqual(new Set(["", "fc"]));
    expect(differences.find(({ path, kind }) => path === "fc" && kind === "weights")).toMatchObject({
      a: [[7, 50], [7]],
      b: [[9, 50], [9]],
    });
  });
});

describe("a file in which normalizations are folded", () => {
  const whole = exported("googlenet.public", NARROW);

  /** Without its BatchNormalization nodes: what read them reads the convolution, which has a bias. */
  function folded(model: OnnxModel, rename: (node: OnnxNode, index: number) => string = (node) => node.name): OnnxModel {
    const sources = new Map<string, string>();
    for (const { opType, inputs, outputs } of model.graph.nodes) {
      if (opType === "BatchNormalization") sources.set(outputs[0] ?? "", inputs[0] ?? "");
    }
    const convolved = new Set(sources.values());
    const nodes = model.graph.nodes
      .filter(({ opType }) => opType !== "BatchNormalization")
      .map((node, index): OnnxNode => {
        const inputs = node.inputs.map((input) => sources.get(input) ?? input);
        const bias = convolved.has(node.outputs[0] ?? "") ? [`${node.name}.bias`] : [];
        return { ...node, name: rename(node, index), inputs: [...inputs, ...bias] };
      });
    const widths = new Map(model.graph.initializers.map(({ name, shape }) => [name, shape[0] ?? 0]));
    const biases = model.graph.nodes
      .filter(({ outputs: [output = ""] }) => convolved.has(output))
      .map(({ name, inputs }) => {
        const shape = [widths.get(inputs[1] ?? "") ?? 0];
        return { name: `${name}.bias`, dtype: "float32" as const, shape, data: new Uint8Array(4 * (shape[0] ?? 0)) };
      });
    return { ...model, graph: { ...model.graph, nodes, initializers: [...model.graph.initializers, ...biases] } };
  }

  test("equals the description with its own folded, and says so", () => {
    const comparison = compareOperands({ graph: describeModel("googlenet.public", NARROW) }, { name: "folded.onnx", onnx: folded(whole) });
    expect(comparison.differences).toEqual([]);
    expect(comparison.notes.at(-1)).toBe(
      "A has 57 batch normalizations behind convolutions and the other none: they are compared as folded into kernels and biases, which changes no result",
    );
  });

  test("and under counted names, which are not compared", () => {
    const counted = folded(whole, (_node, index) => `n${index}`);
    const comparison = compareOperands({ name: "counted.onnx", onnx: counted }, { graph: describeModel("googlenet.public", NARROW) });
    expect(comparison.differences).toEqual([]);
    expect(comparison.notes).toContain("names in A are numbers: layers are matched by what they do, in order, and names are not compared");
  });

  test("a kernel that differs is found under counted names", () => {
    const counted = folded(exported("googlenet.paper", NARROW), (_node, index) => `n${index}`);
    const { differences } = compareOperands({ graph: describeModel("googlenet.public", NARROW) }, { name: "paper.onnx", onnx: counted });
    expect(differences.filter(({ kind, a }) => kind === "kernel" && String(a) === "3,3").length).toBe(9);
  });
});
