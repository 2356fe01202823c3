/** How each public weight set was fed when its published accuracy was measured. Add yours here. */
import { InceptionError } from "../errors.js";
import { shortened } from "../formats/quoted.js";
import { isRecord } from "./is-record.js";
import { type Preprocessing, recipeFault } from "./transforms/preprocess.js";

/** x * 2 - 1 on 0..1, which is what every TensorFlow-born weight set expects. */
const MINUS_ONE_TO_ONE = { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] } as const;
/** 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 on 0..1. */
const IMAGENET = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] } as const;
/** (x - 128) * 0.0078125: the first two nodes of the 2015 Inception graph, behind its resize. */
const GRAPH_2015 = { mean: [128, 128, 128], std: [128, 128, 128] } as const;
const NO_SCALING = [1, 1, 1] as const;

/**
 * Recipe per weight set. "timm" sizes are floor(input / crop_pct) as its eval transform computes them.
 */
export const PREPROCESSING = {
  // BVLC Caffe GoogLeNet: warp to 256, center crop 224, BGR less the mean pixel.
  bvlc_googlenet: {
    resize: { kind: "warp", size: 256, filter: "bilinear" },
    crop: [224, 224],
    channelOrder: "BGR",
    mean: [104, 117, 123],
    std: NO_SCALING,
  },
  // Cadene pretrained-models bninception: 0..255, BGR, crop_pct 0.875.
  cadene_bninception: {
    resize: { kind: "shorter_side", size: 256, filter: "bilinear" },
    crop: [224, 224],
    channelOrder: "BGR",
    mean: [104, 117, 128],
    std: NO_SCALING,
  },
  // Cadene pretrained-models inceptionresnetv2: floor(299 / 0.875) = 341.
  cadene_inception_resnet_v2: {
    resize: { kind: "shorter_side", size: 341, filter: "bilinear" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // Cadene pretrained-models inceptionv4: as inceptionresnetv2.
  cadene_inception_v4: {
    resize: { kind: "shorter_side", size: 341, filter: "bilinear" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // clean-fid, mode "clean": Pillow's bicubic on each channel in mode F, clipped to 0..255 (cleanfid/resize.py,
  // make_resizer("PIL", False, "bicubic")), then (x - 128) / 128 (cleanfid/inception_torchscript.py).
  clean_fid: {
    resize: { kind: "warp", size: 299, filter: "float_bicubic" },
    crop: null,
    channelOrder: "RGB",
    ...GRAPH_2015,
  },
  // facenet 2018 models and facenet-pytorch: the input is a face that is already aligned; (x - 127.5) / 128.
  facenet: {
    resize: { kind: "warp", size: 160, filter: "bilinear" },
    crop: null,
    channelOrder: "RGB",
    mean: [127.5, 127.5, 127.5],
    std: [128, 128, 128],
  },
  // facenet models before 2018: whitening of each image instead of fixed numbers.
  facenet_whitened: {
    resize: { kind: "warp", size: 160, filter: "bilinear" },
    crop: null,
    channelOrder: "RGB",
    mean: [0, 0, 0],
    std: NO_SCALING,
    perImageWhitening: true,
  },
  // keras-applications inception_v3 and inception_resnet_v2: x / 127.5 - 1 of a square; no crop and no filter prescribed.
  keras_299: {
    resize: { kind: "warp", size: 299, filter: "bilinear" },
    crop: null,
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // pytorch-fid: interpolate(align_corners=False) inside the network, on floats, without antialiasing.
  pytorch_fid: {
    resize: { kind: "warp", size: 299, filter: "torch_bilinear" },
    crop: null,
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // slim inception_v1 and v2: central 87.5 % of each side, TensorFlow 1 sampling.
  slim_224: {
    resize: { kind: "central_crop_warp", size: 224, cropFraction: 0.875, filter: "tf1_bilinear" },
    crop: null,
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // slim inception_v3, v4 and inception_resnet_v2: as slim_224 at 299.
  slim_299: {
    resize: { kind: "central_crop_warp", size: 299, cropFraction: 0.875, filter: "tf1_bilinear" },
    crop: null,
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // timm inception_resnet_v2.tf_in1k and .tf_ens_adv_in1k: crop_pct 0.8975, floor(299 / 0.8975) = 333.
  timm_inception_resnet_v2: {
    resize: { kind: "shorter_side", size: 333, filter: "bicubic" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // timm inception_v3.tv_in1k, .tf_in1k and .tf_adv_in1k: crop_pct 0.875, floor(299 / 0.875) = 341.
  timm_inception_v3: {
    resize: { kind: "shorter_side", size: 341, filter: "bicubic" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // timm inception_v3.gluon_in1k: as the others, but ImageNet mean and deviation.
  timm_inception_v3_gluon: {
    resize: { kind: "shorter_side", size: 341, filter: "bicubic" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...IMAGENET,
  },
  // timm inception_v4.tf_in1k: crop_pct 0.875.
  timm_inception_v4: {
    resize: { kind: "shorter_side", size: 341, filter: "bicubic" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // torchvision googlenet: the transform's ImageNet numbers and the model's transform_input together leave x * 2 - 1.
  torchvision_googlenet: {
    resize: { kind: "shorter_side", size: 256, filter: "bilinear" },
    crop: [224, 224],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // torchvision inception_v3: same re-mapping.
  torchvision_inception_v3: {
    resize: { kind: "shorter_side", size: 342, filter: "bilinear" },
    crop: [299, 299],
    channelOrder: "RGB",
    ...MINUS_ONE_TO_ONE,
  },
  // TTUR's fid.py feeds pixels of 0..255 to "ExpandDims:0" of the 2015 graph, which resizes (resize_bilinear) and normalizes itself.
  ttur: {
    resize: { kind: "warp", size: 299, filter: "tf1_bilinear" },
    crop: null,
    channelOrder: "RGB",
    ...GRAPH_2015,
  },
} as const satisfies Record<string, Preprocessing>;

/** Name of a recipe of the table. */
export type PreprocessingId = keyof typeof PREPROCESSING;

const CHOICES = {
  "resize.kind": ["warp", "shorter_side", "central_crop_warp"],
  "resize.filter": ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos", "tf1_bilinear", "torch_bilinear", "float_bicubic"],
  channelOrder: ["RGB", "BGR", "L"],
} as const;

/**
 * Reads preprocessing from untrusted JSON, such as the metadata of a model file.
 *
 * @param place How the message names where the value was found.
 * @throws InceptionError OPTION_INVALID naming the field, when one is missing, of another type or outside its range.
 */
export function parsePreprocessing(value: unknown, place: string): Preprocessing {
  const fail = (field: string, found: unknown, expected: string): never => {
    const shown = found === undefined ? "missing" : shortened(JSON.stringify(found) ?? typeof found).slice(0, 80);
    throw new InceptionError("OPTION_INVALID", `Cannot read the preprocessing of ${place}: ${field} is ${shown}, expected ${expected}`, {
      place,
      field,
    });
  };
  const record = (field: string, found: unknown): Readonly<Record<string, unknown>> =>
    isRecord(found) ? found : fail(field, found, "an object");
  const word = <T extends string>(field: string, found: unknown, allowed: readonly T[]): T =>
    allowed.find((choice) => choice === found) ?? fail(field, found, `one of ${allowed.join(", ")}`);
  const number = (field: string, found: unknown): number =>
    typeof found === "number" && Number.isFinite(found) ? found : fail(field, found, "a finite number");
  const numbers = (field: string, found: unknown): readonly number[] =>
    Array.isArray(found) && found.length <= 3
      ? found.map((each) => number(field, each))
      : fail(field, found, "an array of at most 3 numbers");
  const root = record("value", value);
  const resize = record("resize", root.resize);
  const crop = root.crop === null ? null : numbers("crop", root.crop);
  if (crop && crop.length !== 2) fail("crop", crop, "[height, width] or null");
  if (root.perImageWhitening !== undefined && typeof root.perImageWhitening !== "boolean") {
    fail("perImageWhitening", root.perImageWhitening, "true or false");
  }
  const recipe: Preprocessing = {
    resize: {
      kind: word("resize.kind", resize.kind, CHOICES["resize.kind"]),
      size: number("resize.size", resize.size),
      ...(resize.cropFraction === undefined ? {} : { cropFraction: number("resize.cropFraction", resize.cropFraction) }),
      filter: word("resize.filter", resize.filter, CHOICES["resize.filter"]),
    },
    crop: crop && [crop[0]!, crop[1]!],
    channelOrder: word("channelOrder", root.channelOrder, CHOICES.channelOrder),
    mean: numbers("mean", root.mean),
    std: numbers("std", root.std),
    ...(root.perImageWhitening === true ? { perImageWhitening: true } : {}),
  };
  const fault = recipeFault(recipe);
  if (fault) throw new InceptionError("OPTION_INVALID", `Cannot read the preprocessing of ${place}: ${fault}`, { place });
  return recipe;
}
