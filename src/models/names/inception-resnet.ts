import { TENSORFLOW } from "../../weights/conventions/convention.js";
import type { NameMap } from "../../weights/name-map.js";
import { kerasVarsNames } from "./keras-vars.js";
import {
  findUnit,
  type KerasBlock,
  kerasCanonical,
  kerasNames,
  leafOf,
  type NamedBlock,
  type NamedBlocks,
  slimNames,
} from "./tensorflow.js";

const BLOCK35 = {
  branch0: "Branch_0/Conv2d_1x1",
  "branch1.0": "Branch_1/Conv2d_0a_1x1",
  "branch1.1": "Branch_1/Conv2d_0b_3x3",
  "branch2.0": "Branch_2/Conv2d_0a_1x1",
  "branch2.1": "Branch_2/Conv2d_0b_3x3",
  "branch2.2": "Branch_2/Conv2d_0c_3x3",
  conv2d: "Conv2d_1x1",
} as const;
const REDUCTION_A = {
  branch0: "Branch_0/Conv2d_1a_3x3",
  "branch1.0": "Branch_1/Conv2d_0a_1x1",
  "branch1.1": "Branch_1/Conv2d_0b_3x3",
  "branch1.2": "Branch_1/Conv2d_1a_3x3",
} as const;
const BLOCK17 = {
  branch0: "Branch_0/Conv2d_1x1",
  "branch1.0": "Branch_1/Conv2d_0a_1x1",
  "branch1.1": "Branch_1/Conv2d_0b_1x7",
  "branch1.2": "Branch_1/Conv2d_0c_7x1",
  conv2d: "Conv2d_1x1",
} as const;
const REDUCTION_B = {
  "branch0.0": "Branch_0/Conv2d_0a_1x1",
  "branch0.1": "Branch_0/Conv2d_1a_3x3",
  "branch1.0": "Branch_1/Conv2d_0a_1x1",
  "branch1.1": "Branch_1/Conv2d_1a_3x3",
  "branch2.0": "Branch_2/Conv2d_0a_1x1",
  "branch2.1": "Branch_2/Conv2d_0b_3x3",
  "branch2.2": "Branch_2/Conv2d_1a_3x3",
} as const;
const BLOCK8 = {
  branch0: "Branch_0/Conv2d_1x1",
  "branch1.0": "Branch_1/Conv2d_0a_1x1",
  "branch1.1": "Branch_1/Conv2d_0b_1x3",
  "branch1.2": "Branch_1/Conv2d_0c_3x1",
  conv2d: "Conv2d_1x1",
} as const;
const STEM = {
  conv2d_1a: "Conv2d_1a_3x3",
  conv2d_2a: "Conv2d_2a_3x3",
  conv2d_2b: "Conv2d_2b_3x3",
  conv2d_3b: "Conv2d_3b_1x1",
  conv2d_4a: "Conv2d_4a_3x3",
} as const;
const MIXED_5B = {
  branch0: "Branch_0/Conv2d_1x1",
  "branch1.0": "Branch_1/Conv2d_0a_1x1",
  "branch1.1": "Branch_1/Conv2d_0b_5x5",
  "branch2.0": "Branch_2/Conv2d_0a_1x1",
  "branch2.1": "Branch_2/Conv2d_0b_3x3",
  "branch2.2": "Branch_2/Conv2d_0c_3x3",
  "branch3.1": "Branch_3/Conv2d_0b_1x1",
} as const;

/** A row of equal residual blocks; slim counts them from 1. */
const repeat = (ours: string, theirs: string, layers: NamedBlock["layers"], keras?: NamedBlock["keras"]): NamedBlock => ({
  path: new RegExp(`^${ours}\\.(\\d+)$`),
  scope: (index) => `${theirs}_${index + 1}`,
  layers,
  ...(keras ? { keras } : {}),
});

const single = (ours: string, theirs: string, layers: NamedBlock["layers"], keras?: KerasBlock): NamedBlock => ({
  path: new RegExp(`^${ours}$`),
  scope: () => theirs,
  layers,
  ...(keras === undefined ? {} : { keras }),
});

const V1: NamedBlocks = [
  single("", "", { ...STEM, conv2d_4b: "Conv2d_4b_3x3", last_linear: "Bottleneck", last: "Bottleneck" }),
  repeat("repeat_1", "Repeat/block35", BLOCK35),
  single("mixed_6a", "Mixed_6a", REDUCTION_A),
  repeat("repeat_2", "Repeat_1/block17", BLOCK17),
  single("mixed_7a", "Mixed_7a", REDUCTION_B),
  repeat("repeat_3", "Repeat_2/block8", BLOCK8),
  single("block8", "Block8", BLOCK8),
];

/** facenet's inception_resnet_v1. The classifier of the training identities lies outside of the network's scope. */
export const FACENET_V1 = slimNames("facenet", "InceptionResnetV1", V1, [/^Logits\/(weights|biases)$/], { logits: "Logits" });

/** keras-facenet's names of the same blocks: of rows without their scope, and the last block as the sixth of its kind. */
const kerasFacenetScope = (scope: string): string =>
  scope === "Block8" ? "Block8_6" : scope.replace(/^Repeat(?:_\d)?\/block(\d+)_/, "Block$1_");

/**
 * keras-facenet's inception_resnet_v1: `Block35_1_Branch_0_Conv2d_1x1` and `Block35_1_Branch_0_Conv2d_1x1_BatchNorm`, as layers of
 * Keras' files, and as arrays of their own, `Block35_1_Branch_0_Conv2d_1x1_kernel.npy`.
 */
export const KERAS_FACENET_V1: NameMap = {
  source: "keras-facenet",
  convention: TENSORFLOW,
  nameOf: (path) => {
    const { unit, keras, norm } = leafOf(path);
    if (unit === "logits") return `Logits/${keras}`;
    const found = findUnit(V1, unit);
    if (found === null) return path;
    const scope = kerasFacenetScope(found.block.scope(found.index));
    const layer = [...(scope === "" ? [] : [scope]), found.layer.replaceAll("/", "_")].join("_");
    return `${layer}${norm ? "_BatchNorm" : ""}/${keras}`;
  },
  ignore: [/^Logits\/(kernel|bias)$/],
  canonical: (names) => {
    const keras = kerasCanonical(names);
    return (name) => keras(name).replace(/^([^/]+)_(kernel|bias|beta|moving_mean|moving_variance)$/, "$1/$2");
  },
};

/** Projections do not count in Keras: they have names. So a block of 35 takes six numbers, the others four. */
const V2: NamedBlocks = [
  single("", "", STEM, { first: 1, saved: { first: 0, order: [0, 1, 2, 3, 4] } }),
  single("mixed_5b", "Mixed_5b", MIXED_5B, { first: 6, saved: { first: 5, order: [3, 1, 4, 0, 2, 5, 6] } }),
  repeat("repeat", "Repeat/block35", BLOCK35, { first: 13, step: 6, saved: { first: 12, order: [3, 1, 4, 0, 2, 5, 6] } }),
  single("mixed_6a", "Mixed_6a", REDUCTION_A, { first: 73, saved: { first: 82, order: [1, 2, 0, 3] } }),
  repeat("repeat_1", "Repeat_1/block17", BLOCK17, { first: 77, step: 4, saved: { first: 86, order: [1, 2, 0, 3, 4] } }),
  single("mixed_7a", "Mixed_7a", REDUCTION_B, { first: 157, saved: { first: 186, order: [4, 0, 2, 5, 1, 3, 6] } }),
  repeat("repeat_2", "Repeat_2/block8", BLOCK8, { first: 164, step: 4, saved: { first: 193, order: [1, 2, 0, 3, 4] } }),
  single("block8", "Block8", BLOCK8, { first: 200, saved: { first: 238, order: [1, 2, 0, 3, 4] } }),
];

const V2_HEADS: NamedBlocks = [
  single("", "", { conv2d_7b: "Conv2d_7b_1x1", classif: "Logits/Logits" }),
  single("AuxLogits", "AuxLogits", { conv0: "Conv2d_1b_1x1", conv1: "Conv2d_2a_5x5", fc: "Logits" }),
];

/** slim's inception_resnet_v2. */
export const SLIM_RESNET_V2 = slimNames("slim", "InceptionResnetV2", [...V2, ...V2_HEADS], [/^InceptionResnetV2\/AuxLogits\/.*$/]);

/** InceptionResNetV2 of Keras Applications, which has no auxiliary head. */
export const KERAS_RESNET_V2 = kerasNames(V2, (unit) => {
  if (unit === "classif") return ["predictions", "predictions"];
  if (unit === "conv2d_7b") return ["conv_7b", "conv_7b_bn"];
  if (unit === "block8.conv2d") return ["block8_10_conv", "block8_10_conv_bn"];
  const projection = /^repeat(_[12])?\.(\d+)\.conv2d$/.exec(unit);
  if (projection === null) return null;
  const kind = { "": "block35", _1: "block17", _2: "block8" }[projection[1] ?? ""] ?? "block";
  const name = `${kind}_${Number(projection[2]) + 1}_conv`;
  return [name, `${name}_bn`];
});

/** The same, saved by Keras 3. */
export const KERAS_VARS_RESNET_V2 = kerasVarsNames(V2, "classif", { conv2d_7b: { conv: 243, norm: 203 } });
