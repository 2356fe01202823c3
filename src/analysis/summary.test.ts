import { expect, test } from "vitest";
import { windowOf } from "../../test/op-cases/op-case.js";
import { batchNorm } from "../layers/conv-block.js";
import { GraphBuilder } from "../ops/build.js";
import { summarize } from "./summary.js";

test("a small network, counted by hand", () => {
  const b = new GraphBuilder("small");
  const x = b.input("x", ["N", 3, 6, 5]);
  const kernel = b.parameter("conv.weight", [4, 3, 3, 3], "conv_kernel");
  const conv = b.add("conv", "conv", [x, kernel], { ...windowOf([3, 3], { strides: [2, 1] }), groups: 1 });
  const normalized = b.stage("bn", batchNorm(b, "bn", conv, 1e-3));
  const pooled = b.add("globalAveragePool", "pool", [normalized], {});
  const features = b.stage("pool", b.add("flatten", "flatten", [pooled], {}));
  const fc = [features, b.parameter("fc.weight", [7, 4], "linear_kernel"), b.parameter("fc.bias", [7], "bias")] as const;
  b.output("y", b.stage("fc", b.add("gemm", "fc", fc, {})));

  // The map is floor((6 − 3)/2) + 1 = 2 by 5 − 3 + 1 = 3. Kernel 4·3·3·3 = 108 values, each used 2·3 = 6 times.
  expect(summarize(b.finish())).toEqual({
    id: "small",
    input: [1, 3, 6, 5],
    params: 108 + 8 + 35,
    nonTrainable: 8,
    macs: 648 + 28,
    convs: 1,
    stages: [
      { path: "bn", shape: [4, 2, 3], params: 116, macs: 648 },
      { path: "pool", shape: [4], params: 0, macs: 0 },
      { path: "fc", shape: [7], params: 35, macs: 28 },
    ],
    layers: [
      { path: "conv", op: "conv", shape: [4, 2, 3], params: 108, macs: 648, receptiveField: [3, 3] },
      { path: "bn", op: "batchNormalization", shape: [4, 2, 3], params: 8, macs: 0, receptiveField: [3, 3] },
      { path: "pool", op: "globalAveragePool", shape: [4, 1, 1], params: 0, macs: 0, receptiveField: "all" },
      { path: "flatten", op: "flatten", shape: [4], params: 0, macs: 0, receptiveField: "all" },
      { path: "fc", op: "gemm", shape: [7], params: 35, macs: 28, receptiveField: "all" },
    ],
  });
});
