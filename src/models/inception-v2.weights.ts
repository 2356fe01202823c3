import { TORCH } from "../weights/conventions/convention.js";
import type { NameMap } from "../weights/name-map.js";
import { SLIM_V2 } from "./names/inception-v2.js";
import type { WeightSet } from "./weight-set.js";

/** The PyTorch port's keys are our paths. */
const cadene: NameMap = {
  source: "pretrained-models",
  convention: TORCH,
  nameOf: (path) => path,
  ignore: [/^.*\.num_batches_tracked$/],
};

export const INCEPTION_V2_WEIGHTS: readonly WeightSet[] = [
  {
    id: "cadene_bninception",
    model: "inception_v2.caffe",
    source: "Cadene, pretrained-models.pytorch, converted from the Caffe model",
    map: cadene,
    preprocessing: "cadene_bninception",
    labels: "imagenet_1000",
    licence: "BSD-3-Clause (code); trained on ImageNet",
    files: [
      {
        name: "cadene_bninception",
        source: "http://data.lip6.fr/cadene/pretrainedmodels/bn_inception-52deb4733.pth",
        sha256: "52deb4733",
        classes: 1000,
        top1: 73.524,
        top5: 91.562,
      },
    ],
  },
  ...(["separable", "separable_batch_norm"] as const).map(
    (stem): WeightSet => ({
      id: stem === "separable" ? "slim_inception_v2" : "slim_inception_v2_batch_norm",
      model: "inception_v2.slim",
      source: "TensorFlow slim, inception_v2_2016_08_28.tar.gz",
      map: SLIM_V2,
      preprocessing: "slim_224",
      labels: "imagenet_1000",
      licence: "Apache-2.0; trained on ImageNet",
      // slim's code gives the first layer a bias; training it with another argument scope gives a normalization instead.
      options: { stem, padding: "same", countIncludePad: false, convBias: false, epsilon: 1e-3 },
      files: [],
    }),
  ),
];
