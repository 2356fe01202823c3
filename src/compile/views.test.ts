import { expect, test } from "vitest";
import { onnxTensor } from "../formats/onnx/tensor.js";
import type { OnnxNode } from "../formats/onnx/types.js";
import { int64Vector } from "../ops/kit/axes.js";
import { float32Tensor } from "../tensor/tensor.js";
import { shareViews } from "./views.js";

const sizes = (name: string, values: readonly number[]) => onnxTensor(name, int64Vector(values));
const node = (opType: string, inputs: readonly string[], ...outputs: string[]): OnnxNode => ({
  opType,
  domain: "",
  name: outputs[0] ?? "",
  inputs,
  outputs,
  attributes: [],
});
const shapes: Readonly<Record<string, readonly number[]>> = { x: [2, 6], seen: [3, 4], y: [12] };
const share = (
  nodes: readonly OnnxNode[],
  constants: Parameters<typeof shareViews>[0]["constants"],
  outputs: readonly string[] = ["y"],
) => {
  const shared = shareViews({ nodes, constants }, new Set(outputs), (value) => shapes[value]);
  return {
    nodes: shared.nodes.map(({ opType, inputs, outputs: given }) => `${given.join()} = ${opType}(${inputs.join()})`),
    constants: shared.constants.map(({ name }) => name),
  };
};

test("a reshape of a reshape reads the first operand, and the one between is gone", () => {
  const found = share([node("Reshape", ["x", "a"], "inner"), node("Reshape", ["inner", "b"], "y")], [sizes("a", [3, 4]), sizes("b", [12])]);
  expect(found).toEqual({ nodes: ["y = Reshape(x,b)"], constants: ["b"] });
});

test("a reshape back to the shape of the operand is the operand, also where a size is left open", () => {
  const nodes = [node("Reshape", ["x", "a"], "inner"), node("Reshape", ["inner", "b"], "back"), node("Relu", ["back"], "y")];
  expect(share(nodes, [sizes("a", [3, 4]), sizes("b", [2, 6])]).nodes).toEqual(["y = Relu(x)"]);
  // "back" has no known shape, and −1 is not 6 to us.
  expect(share(nodes, [sizes("a", [3, 4]), sizes("b", [2, -1])]).nodes).toEqual(["back = Reshape(x,b)", "y = Relu(back)"]);
});

test("what is shown keeps its name, even where it is equal to another value", () => {
  const nodes = [node("Reshape", ["x", "a"], "seen"), node("Reshape", ["x", "b"], "twin"), node("Relu", ["twin"], "y")];
  const constants = [sizes("a", [3, 4]), sizes("b", [3, 4])];
  expect(share(nodes, constants, ["seen", "y"])).toEqual({ nodes: ["seen = Reshape(x,a)", "y = Relu(seen)"], constants: ["a"] });
  expect(share([node("Relu", ["x"], "seen"), node("Relu", ["x"], "y")], [], ["seen", "y"]).nodes).toHaveLength(2);
});

test("0 keeps a size of the operand, so such a reshape stays where it is", () => {
  const nodes = [node("Reshape", ["x", "a"], "inner"), node("Reshape", ["inner", "b"], "y")];
  expect(share(nodes, [sizes("a", [3, 4]), sizes("b", [0, 2, 2])]).nodes).toEqual(["inner = Reshape(x,a)", "y = Reshape(inner,b)"]);
});

test("equal nodes are one, but not those with other attributes, operands or more outputs", () => {
  const leaky = (output: string, value: number): OnnxNode => ({
    ...node("LeakyRelu", ["x"], output),
    attributes: [{ name: "alpha", type: "float", value }],
  });
  const nodes = [leaky("p", 0.1), leaky("q", 0.1), leaky("r", 0.2), node("Split", ["x"], "s", "t"), node("Split", ["x"], "u", "v")];
  const found = share([...nodes, node("Sum", ["p", "q", "r", "s", "t", "u", "v"], "y")], []);
  expect(found.nodes).toEqual(["p = LeakyRelu(x)", "r = LeakyRelu(x)", "s,t = Split(x)", "u,v = Split(x)", "y = Sum(p,p,r,s,t,u,v)"]);
});

test("equal constants are one, where type, shape and bytes agree", () => {
  const float = (name: string, shape: readonly number[], values: readonly number[]) =>
    onnxTensor(name, float32Tensor(shape, Float32Array.from(values)));
  const constants = [float("a", [], [1]), float("b", [1], [1]), float("c", [], [1]), float("d", [], [-0]), float("e", [], [0])];
  const found = share([node("Sum", ["a", "b", "c", "d", "e"], "y")], constants);
  expect(found).toEqual({ nodes: ["y = Sum(a,b,a,d,e)"], constants: ["a", "b", "d", "e"] });
});
