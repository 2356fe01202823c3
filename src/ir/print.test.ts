import { expect, test } from "vitest";
import { GraphBuilder } from "../ops/build.js";
import { printGraph } from "./print.js";

test("a graph as text: one line for each thing, in order", () => {
  const b = new GraphBuilder("tiny");
  const x = b.input("x", ["N", 3, 5, 7]);
  const pool = b.add("averagePool", "pool", [x], {
    kernelShape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    dilations: [1, 1],
    ceilMode: false,
    countIncludePad: true,
  });
  const features = b.stage("pool", b.add("flatten", "flatten", [pool], {}));
  const weight = b.parameter("fc.weight", [2, 36], "linear_kernel");
  b.output("logits", b.stage("fc", b.module("fc", b.add("gemm", "fc", [features, weight, b.parameter("fc.bias", [2], "bias")], {}))));
  b.output("features", features);
  expect(printGraph(b.finish())).toBe(`graph "tiny"
input x: float32[N, 3, 5, 7]
parameter fc.weight: float32[2, 36] linear_kernel
parameter fc.bias: float32[2] bias
pool: float32[N, 3, 3, 4] = averagePool(x) {kernelShape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], ceilMode: false, countIncludePad: true}
flatten: float32[N, 36] = flatten(pool)
fc: float32[N, 2] = gemm(flatten, fc.weight, fc.bias)
stage pool = flatten
stage fc = fc
output logits = fc
output features = flatten
`);
});
