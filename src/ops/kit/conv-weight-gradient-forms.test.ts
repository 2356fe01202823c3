import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { NAIVE_OPS } from "../../../test/naive-ops.js";
import { cases } from "../../../test/op-cases/conv-weight-gradient.cases.js";
import { windowOf } from "../../../test/op-cases/op-case.js";
import { filled } from "../../../test/run-graph.js";
import { emitModel } from "../../compile/emit.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { onnxTensor } from "../../formats/onnx/tensor.js";
import type { OnnxTensor } from "../../formats/onnx/types.js";
import type { LoweredAttribute } from "../op.js";
import { chooseForm, FORMS, type WeightGradientForm } from "./conv-weight-gradient-forms.js";
import { nodeList } from "./lowering.js";
import { joinAtOnce } from "./shader-buffers.js";
import { FUSED_PRODUCTS, PRODUCTS_OF_COPIES } from "./transposed-products.js";

const NAMES: readonly WeightGradientForm[] = ["oneConvolution", "oneProduct", "oneProductPerTap", "productPerImage", "productPerTap"];

/** Whether a form is exact for a case. */
function isPossible(form: WeightGradientForm, { inputs, attributes: { groups, strides } }: (typeof cases)[number]): boolean {
  if (form === "productPerImage" || form === "productPerTap") return true;
  if (form === "oneProduct") return groups === 1;
  const isOneImage = groups === 1 && inputs[0]?.shape[0] === 1;
  return form === "oneProductPerTap" ? isOneImage : isOneImage && strides.length === 2 && strides.every((stride) => stride === 1);
}

// The suite of all ops runs the form that is chosen; here each is run wherever it is exact, with numbers for all sizes.
describe.each(NAMES)("%s", (form) => {
  test.each(cases.filter((one) => isPossible(form, one)))("$name", async ({ name, inputs, attributes }) => {
    const [x, dy] = inputs.map(({ shape }, index) =>
      filled(`${name}:${index}`, [typeof shape[0] === "number" ? shape[0] : 2, ...shape.slice(1).map(Number)]),
    );
    if (!x || !dy) throw new RangeError("Cannot read the case");
    const expected = NAIVE_OPS.convWeightGradient([x, dy], attributes);
    for (const products of [PRODUCTS_OF_COPIES, FUSED_PRODUCTS]) {
      const constants: OnnxTensor[] = [];
      const list = nodeList({
        op: "convWeightGradient",
        path: "node",
        layout: "nchw",
        inputs: ["x", "dy"],
        outputs: ["dw"],
        inputTypes: [x, dy].map(({ shape }) => ({ dtype: "float32", shape })),
        outputTypes: [{ dtype: "float32", shape: expected.shape }],
        constant: (suffix, tensor) => {
          constants.push(onnxTensor(suffix, tensor));
          return suffix;
        },
        inner: (suffix) => `inner:${suffix}`,
      });
      FORMS[form](list, { attributes, x: "x", dy: "dy", xShape: x.shape, dyShape: dy.shape }, { join: joinAtOnce, products });
      const found = await run(list.nodes, constants, { x, dy }, expected.shape);
      const worst = expected.values.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(found[index]))), 0);
      expect(worst).toBeLessThan(1e-5);
      expect(usesOwnOperators(list.nodes)).toBe(products === FUSED_PRODUCTS && !form.startsWith("one"));
    }
  });
});

test("one image is one product, one convolution, or with many places and few channels a product per tap; where its forms may be used", () => {
  const choose = (xShape: readonly number[], dyShape: readonly number[], kernel: readonly number[], oneImage = true) =>
    chooseForm({ attributes: { ...windowOf(kernel), groups: 1 }, x: "x", dy: "dy", xShape, dyShape }, oneImage);
  expect(choose([1, 896, 8, 64], [1, 128, 8, 64], [1, 1])).toBe("oneProduct");
  expect(choose([1, 192, 17, 136], [1, 192, 17, 136], [3, 3])).toBe("oneConvolution");
  expect(choose([1, 32, 79, 632], [1, 32, 77, 616], [3, 3])).toBe("oneProductPerTap");
  expect(choose([1, 80, 38, 304], [1, 192, 36, 288], [3, 3], false)).toBe("productPerImage");
});

test("small maps are one product, larger ones a product per image, and what would not fit a product per tap", () => {
  const choose = (xShape: readonly number[], dyShape: readonly number[], kernel: readonly number[], groups = 1) =>
    chooseForm({ attributes: { ...windowOf(kernel), groups }, x: "x", dy: "dy", xShape, dyShape }, false);
  expect(choose([8, 896, 8, 8], [8, 128, 8, 8], [1, 1])).toBe("oneProduct");
  expect(choose([8, 64, 10, 10], [8, 64, 10, 10], [3, 3])).toBe("oneProduct");
  expect(choose([8, 64, 35, 35], [8, 96, 35, 35], [3, 3])).toBe("productPerImage");
  expect(choose([8, 728, 8, 8], [8, 728, 8, 8], [3, 3], 728)).toBe("productPerImage");
  expect(choose([2, 64, 64, 64, 64], [2, 64, 64, 64, 64], [3, 3, 3])).toBe("productPerTap");
});

type Nodes = ReturnType<typeof nodeList>["nodes"];

function usesOwnOperators(nodes: Nodes): boolean {
  return nodes.some(({ domain }) => domain !== undefined);
}

async function run(
  nodes: Nodes,
  constants: readonly OnnxTensor[],
  feeds: Readonly<Record<string, ReturnType<typeof filled>>>,
  shape: readonly number[],
) {
  const { chunks } = emitModel({
    name: "form",
    nodes: nodes.map(({ attributes, domain = "", ...node }, index) => ({
      ...node,
      domain,
      name: String(index),
      attributes: Object.entries(attributes).map(([name, value]) => onnxAttribute(name, value)),
    })),
    initializers: constants,
    inputs: Object.entries(feeds).map(([name, value]) => ({ name, dtype: "float32", shape: value.shape })),
    outputs: [{ value: "dw", info: { name: "dw", dtype: "float32", shape } }],
    metadata: {},
  });
  const session = await InferenceSession.create(concatChunks(chunks), { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const results = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, new OrtTensor("float32", value.data, [...value.shape])])),
    );
    const { dw } = results;
    if (!(dw?.data instanceof Float32Array)) throw new RangeError("Cannot read dw");
    expect(dw.dims).toEqual(shape);
    return dw.data;
  } finally {
    await session.release();
  }
}

function onnxAttribute(name: string, value: LoweredAttribute) {
  if ("int" in value) return { name, type: "int", value: value.int } as const;
  if ("ints" in value) return { name, type: "ints", value: value.ints } as const;
  throw new RangeError(`Cannot write attribute ${name}`);
}
