import {
  encodeModelMetadata,
  goldenFeeds,
  METADATA_KEY,
  type ModelMetadata,
  parseModelMetadata,
} from "../../src/predict/model-metadata.js";
import type { Draws } from "./draws.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const ABOUT: ModelMetadata = {
  model: "googlenet.public",
  options: { numClasses: 2, inputSize: [64, 64] },
  preprocessing: {
    resize: { kind: "warp", size: 64, filter: "bilinear" },
    crop: [64, 64],
    channelOrder: "RGB",
    mean: [127.5, 127.5, 127.5],
    std: [127.5, 127.5, 127.5],
  },
  segmentation: { spacing: [1, 1, 2], normalization: [{ name: "z_score", region: "all" }], patchSize: [4, 4, 4], labelValues: [0, 1] },
  rawInput: "patch",
  quantization: { kernelBits: 8, method: "minmax", images: 64, kept: ["conv1"], agreement: 0.98, evaluated: 110 },
  labels: ["cat", "dog"],
  source: "weights.safetensors",
  licence: "Apache-2.0",
  weightsSha256: "ab".repeat(32),
  golden: {
    key: "k",
    shape: [1, 3, 4, 4],
    low: -1,
    high: 1,
    outputs: { logits: [0.5, -2.5] },
    strides: { logits: 3 },
    others: { mean: 0.5 },
  },
};

const VALUES = [
  "null",
  "[]",
  "{}",
  '""',
  "-1",
  "1e999",
  "1e200",
  "2147483648",
  "0.5",
  '"x"',
  "[[1]]",
  '{"__proto__":[1]}',
  "true",
  "[1,2,3]",
];

/** The text with values in the place of others, or damaged byte by byte. */
function damaged(text: string, draws: Draws): Uint8Array {
  if (draws.chance(0.4)) return mutate(new TextEncoder().encode(text), draws, text.length);
  const values = [...text.matchAll(/(?<=[:[,])(?:-?[\d.]+(?:e[+-]?\d+)?|"[^"]*"|null|true|false|\[[^[\]]*\])(?=[\],}])/g)];
  const chosen = draws.pick(values);
  return new TextEncoder().encode(text.slice(0, chosen.index) + draws.pick(VALUES) + text.slice(chosen.index + chosen[0].length));
}

/** What an exported file says about itself, and the inputs of its self-check. */
export const metadata: FuzzTarget = {
  name: "metadata",
  share: 6,
  prepare: async () => {
    const text = encodeModelMetadata(ABOUT);
    return (draws) => {
      const bytes = damaged(text, draws);
      const sizes = draws.list(draws.int(0, 3), () => draws.pick([0, 1, 1, 2, 2, 3, 3, 100, 1000, -1, 2 ** 31, 2 ** 53]));
      return {
        bytes,
        run: async () => {
          const metadata = parseModelMetadata([[METADATA_KEY, new TextDecoder().decode(bytes)]], "x.onnx");
          if (metadata === null || metadata.golden === null) return;
          const inputs = [["input", metadata.golden.shape] as const, [draws.pick(["mean", "__proto__"]), sizes] as const];
          goldenFeeds(
            metadata.golden,
            inputs.map(([name, shape]) => ({ name, dtype: "float32" as const, shape })),
            "x.onnx",
          );
        },
      };
    };
  },
};
