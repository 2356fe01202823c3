import { TORCH } from "../weights/conventions/convention.js";
import { type NameMap, renamePrefixes } from "../weights/name-map.js";
import { KERAS_RESNET_V2, KERAS_VARS_RESNET_V2, SLIM_RESNET_V2 } from "./names/inception-resnet.js";
import type { WeightSet } from "./weight-set.js";

/** timm's keys are our paths. */
const timm: NameMap = { source: "timm", convention: TORCH, nameOf: (path) => path, ignore: [/^.*\.num_batches_tracked$/] };

/** Cadene's pretrained-models differs from timm in the name of the head only. */
const cadene: NameMap = { ...timm, source: "pretrained-models", nameOf: renamePrefixes([["classif", "last_linear"]]) };

/** Files of timm before it used the hub. */
const OLD_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights";
const KERAS_FILES = "https://storage.googleapis.com/tensorflow/keras-applications/inception_resnet_v2";

const COMMON = { model: "inception_resnet_v2.public", labels: "imagenet_1000", licence: "Apache-2.0; trained on ImageNet" } as const;

export const INCEPTION_RESNET_V2_WEIGHTS: readonly WeightSet[] = [
  {
    ...COMMON,
    id: "timm_inception_resnet_v2",
    source: "timm",
    map: timm,
    preprocessing: "timm_inception_resnet_v2",
    files: [
      {
        name: "inception_resnet_v2.tf_in1k",
        source: "hf:timm/inception_resnet_v2.tf_in1k",
        classes: 1000,
        top1: 80.434,
        top5: 95.312,
      },
      {
        name: "inception_resnet_v2.tf_ens_adv_in1k",
        source: "hf:timm/inception_resnet_v2.tf_ens_adv_in1k",
        classes: 1000,
        top1: 79.998,
        top5: 94.94,
      },
      { name: "inception_resnet_v2", source: `${OLD_TIMM}/inception_resnet_v2-940b1cd6.pth`, sha256: "940b1cd6", classes: 1001 },
      {
        name: "ens_adv_inception_resnet_v2",
        source: `${OLD_TIMM}/ens_adv_inception_resnet_v2-2592a550.pth`,
        sha256: "2592a550",
        classes: 1001,
      },
    ],
    goldens: ["timm.inception_resnet_v2"],
  },
  {
    ...COMMON,
    id: "cadene_inception_resnet_v2",
    source: "Cadene, pretrained-models.pytorch",
    map: cadene,
    preprocessing: "cadene_inception_resnet_v2",
    files: [
      {
        name: "cadene_inceptionresnetv2",
        source: "http://data.lip6.fr/cadene/pretrainedmodels/inceptionresnetv2-520b38e4.pth",
        sha256: "520b38e4",
        classes: 1001,
        top1: 80.17,
        top5: 95.234,
      },
    ],
  },
  {
    ...COMMON,
    id: "keras_inception_resnet_v2",
    source: "Keras Applications",
    map: KERAS_RESNET_V2,
    preprocessing: "keras_299",
    files: [
      {
        name: "keras_inception_resnet_v2",
        source: `${KERAS_FILES}/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5`,
        classes: 1000,
        top1: 80.3,
        top5: 95.3,
      },
    ],
  },
  {
    ...COMMON,
    id: "keras3_inception_resnet_v2",
    source: "Keras Applications, saved by Keras 3",
    map: KERAS_VARS_RESNET_V2,
    preprocessing: "keras_299",
    files: [],
  },
  {
    ...COMMON,
    id: "slim_inception_resnet_v2",
    source: "TensorFlow slim, inception_resnet_v2_2016_08_30.tar.gz",
    map: SLIM_RESNET_V2,
    preprocessing: "slim_299",
    files: [],
  },
];
