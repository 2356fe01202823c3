import { expect, test } from "vitest";
import { windowOf } from "../../test/op-cases/op-case.js";
import { findModel } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { type ReceptiveField, receptiveFields } from "./receptive-field.js";

function fieldsOf(id: string, ...paths: readonly string[]): readonly (ReceptiveField | undefined)[] {
  const fields = receptiveFields(findModel(id).describe());
  return paths.map((path) => fields.get(path));
}

const square = (size: number): ReceptiveField => [size, size];

test("the stem of GoogLeNet, by hand", () => {
  // 7×7 /2 → 7, step 2; pool 3 /2 → 7 + 2·2 = 11, step 4; 1×1; 3×3 → 11 + 2·4 = 19; pool 3 /2 → 19 + 2·4 = 27, step 8.
  expect(fieldsOf("googlenet.public", "conv1.conv", "conv1.bn", "conv1.relu", "maxpool1", "conv2.conv", "conv3.conv", "maxpool2")).toEqual(
    [7, 7, 7, 11, 11, 19, 27].map(square),
  );
});

test("the branches of a module, and the widest of them behind the concatenation", () => {
  // From 27 with step 8: 3×3 → 27 + 2·8 = 43, the pool as well; the paper's 5×5 → 27 + 4·8 = 59.
  const ends = ["branch1.relu", "branch2.1.relu", "branch3.1.relu", "branch4.1.relu"].map((name) => `inception3a.${name}`);
  expect(fieldsOf("googlenet.public", ...ends, "inception3a")).toEqual([27, 43, 43, 43, 43].map(square));
  expect(fieldsOf("googlenet.paper", ...ends, "inception3a")).toEqual([27, 43, 59, 43, 59].map(square));
  // The LRN looks across channels only.
  expect(fieldsOf("googlenet.paper", "norm1", "norm2")).toEqual([11, 19].map(square));
});

test("the stem of Inception-ResNet-v2 and its long kernels, height and width apart", () => {
  // 3 /2 → 3, step 2; 3 → 7; 3 → 11; pool 3 /2 → 15, step 4; 1×1; 3 → 23; pool 3 /2 → 31, step 8; 5×5 → 63, as two 3×3.
  expect(
    fieldsOf(
      "inception_resnet_v2",
      "conv2d_1a.conv",
      "conv2d_2a.conv",
      "conv2d_2b.conv",
      "maxpool_3a",
      "conv2d_4a.conv",
      "maxpool_5a",
      "mixed_5b",
    ),
  ).toEqual([3, 7, 11, 15, 23, 31, 63].map(square));
  // Ten A blocks add 4·8 = 32 each; the deepest branch of mixed_6a adds 2·8 twice: 63 + 320 + 32 = 415, step 16.
  // There 1×7 adds 6·16 = 96 to the width, 7×1 then to the height.
  expect(fieldsOf("inception_resnet_v2", "repeat.9.relu", "mixed_6a", "repeat_1.0.branch1.1.conv", "repeat_1.0.branch1.2.conv")).toEqual([
    square(383),
    square(415),
    [415, 511],
    square(511),
  ]);
});

test("everything is seen behind a global pool, a linear layer, and what reads one", () => {
  expect(fieldsOf("googlenet.public", "avgpool", "avgpool.flatten", "dropout", "fc")).toEqual(["all", "all", "all", "all"]);
  expect(fieldsOf("inception_resnet_v1.public", "last_linear", "last_bn", "embedding")).toEqual(["all", "all", "all"]);
});

test("dilation widens the window, volumes have three axes, and a sum counts the wider operand", () => {
  const b = new GraphBuilder("g");
  const x = b.input("x", ["N", 1, 9, 9, 9]);
  const weight = b.parameter("w", [1, 1, 3, 1, 2], "conv_kernel");
  const conv = b.add("conv", "conv", [x, weight], {
    ...windowOf([3, 1, 2], { dilations: [2, 1, 4], pads: [2, 0, 2, 2, 0, 2] }),
    groups: 1,
  });
  b.output("y", b.add("add", "sum", [x, conv], {}));
  const fields = receptiveFields(b.finish());
  expect(fields.get("conv")).toEqual([5, 1, 5]);
  expect(fields.get("sum")).toEqual([5, 1, 5]);
});
