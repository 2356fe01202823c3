import { describe, expect, test } from "vitest";
import { PREPROCESSING, parsePreprocessing } from "./preprocessing.js";

test("timm and Cadene sizes are floor(input / crop_pct)", () => {
  const sizes = Object.fromEntries(Object.entries(PREPROCESSING).map(([id, { resize, crop }]) => [id, [resize.size, crop?.[0] ?? null]]));
  expect(sizes.timm_inception_resnet_v2).toEqual([Math.floor(299 / 0.8975), 299]);
  for (const id of [
    "timm_inception_v3",
    "timm_inception_v3_gluon",
    "timm_inception_v4",
    "cadene_inception_v4",
    "cadene_inception_resnet_v2",
  ]) {
    expect(sizes[id]).toEqual([Math.floor(299 / 0.875), 299]);
  }
  expect(sizes.cadene_bninception).toEqual([Math.floor(224 / 0.875), 224]);
});

test("ImageNet mean and deviation are those of 0..1 times 255", () => {
  const { mean, std } = PREPROCESSING.timm_inception_v3_gluon;
  for (const [i, value] of [0.485, 0.456, 0.406].entries()) expect(mean[i]).toBeCloseTo(value * 255, 10);
  for (const [i, value] of [0.229, 0.224, 0.225].entries()) expect(std[i]).toBeCloseTo(value * 255, 10);
});

test("the table is sorted", () => {
  expect(Object.keys(PREPROCESSING)).toEqual(Object.keys(PREPROCESSING).sort());
});

test.each(Object.entries(PREPROCESSING))("%s survives JSON", (id, recipe) => {
  expect(parsePreprocessing(JSON.parse(JSON.stringify(recipe)), id)).toEqual(recipe);
});

describe("JSON of a stranger", () => {
  const good = {
    resize: { kind: "warp", size: 4, filter: "box" },
    crop: null,
    channelOrder: "L",
    mean: [0],
    std: [1],
  };
  test.each<readonly [string, unknown]>([
    ["value is null, expected an object", null],
    ["value is [], expected an object", []],
    ["resize is missing, expected an object", {}],
    [
      'resize.kind is "stretch", expected one of warp, shorter_side, central_crop_warp',
      { ...good, resize: { ...good.resize, kind: "stretch" } },
    ],
    ['resize.size is "4", expected a finite number', { ...good, resize: { ...good.resize, size: "4" } }],
    ["resize.size is 1000000000, expected an integer from 1 to 9,999", { ...good, resize: { ...good.resize, size: 1e9 } }],
    [
      'resize.filter is "toString", expected one of nearest, box, bilinear, hamming, bicubic, lanczos, tf1_bilinear, torch_bilinear',
      { ...good, resize: { ...good.resize, filter: "toString" } },
    ],
    ["crop is [1,2,3], expected [height, width] or null", { ...good, crop: [1, 2, 3] }],
    ["channelOrder is missing, expected one of RGB, BGR, L", { ...good, channelOrder: undefined }],
    ["mean is [0,0,0,0], expected an array of at most 3 numbers", { ...good, mean: [0, 0, 0, 0] }],
    ['std is "x", expected a finite number', { ...good, std: ["x"] }],
    ["std is [0], expected finite numbers other than 0", { ...good, std: [0] }],
    ["perImageWhitening is 1, expected true or false", { ...good, perImageWhitening: 1 }],
  ])("%s", (fault, value) => {
    expect(() => parsePreprocessing(value, "model.onnx")).toThrowError(`Cannot read the preprocessing of model.onnx: ${fault}`);
  });
});
