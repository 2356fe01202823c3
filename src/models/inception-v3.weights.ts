import { TORCH } from "../weights/conventions/convention.js";
import type { NameMap } from "../weights/name-map.js";
import { KERAS_V3, KERAS_VARS_V3, SLIM_V3 } from "./names/inception-v3.js";
import type { WeightSet } from "./weight-set.js";

/** torchvision's keys are our paths, and timm's and pytorch-fid's are torchvision's. Some of their files hold the auxiliary head too. */
const torchvision: NameMap = {
  source: "torchvision",
  convention: TORCH,
  nameOf: (path) => path,
  ignore: [/^.*\.num_batches_tracked$/, /^AuxLogits\..*$/],
};

const timm: NameMap = { ...torchvision, source: "timm" };

/** Files of timm before it used the hub; the converted ones have TensorFlow's 1001 classes. */
const OLD_TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights";
const KERAS_FILES = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3";

const PUBLIC = { model: "inception_v3.public", labels: "imagenet_1000" } as const;

export const INCEPTION_V3_WEIGHTS: readonly WeightSet[] = [
  {
    ...PUBLIC,
    id: "timm_inception_v3",
    source: "timm, converted from slim and torchvision",
    map: timm,
    preprocessing: "timm_inception_v3",
    licence: "Apache-2.0; trained on ImageNet",
    files: [
      { name: "inception_v3.tv_in1k", source: "hf:timm/inception_v3.tv_in1k", classes: 1000, top1: 77.472, top5: 93.468 },
      { name: "inception_v3.tf_in1k", source: "hf:timm/inception_v3.tf_in1k", classes: 1000, top1: 77.866, top5: 93.644 },
      { name: "inception_v3.tf_adv_in1k", source: "hf:timm/inception_v3.tf_adv_in1k", classes: 1000, top1: 77.598, top5: 93.726 },
      {
        name: "inception_v3.gluon_in1k",
        source: "hf:timm/inception_v3.gluon_in1k",
        preprocessing: "timm_inception_v3_gluon",
        classes: 1000,
        top1: 78.806,
        top5: 94.372,
      },
      { name: "tf_inception_v3", source: `${OLD_TIMM}/tf_inception_v3-e0069de4.pth`, sha256: "e0069de4", classes: 1001 },
      { name: "adv_inception_v3", source: `${OLD_TIMM}/adv_inception_v3-9e27bd63.pth`, sha256: "9e27bd63", classes: 1001 },
    ],
    goldens: ["timm.inception_v3"],
    modules: { Pool1: "maxpool1", Pool2: "maxpool2", global_pool: "features" },
  },
  {
    ...PUBLIC,
    id: "torchvision_inception_v3",
    source: "torchvision",
    map: torchvision,
    preprocessing: "torchvision_inception_v3",
    licence: "BSD-3-Clause (code); trained on ImageNet",
    files: [
      {
        name: "torchvision_inception_v3",
        source: "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
        sha256: "0cc3c7bd",
        classes: 1000,
        top1: 77.294,
        top5: 93.45,
      },
    ],
    goldens: ["torchvision.inception_v3", "torchvision.inception_v3_noaux"],
  },
  {
    ...PUBLIC,
    id: "keras_inception_v3",
    source: "Keras Applications",
    map: KERAS_V3,
    preprocessing: "keras_299",
    licence: "Apache-2.0; trained on ImageNet",
    options: { countIncludePad: false, lastPool: "average" },
    files: [
      {
        name: "keras_inception_v3",
        source: `${KERAS_FILES}/inception_v3_weights_tf_dim_ordering_tf_kernels.h5`,
        classes: 1000,
        top1: 77.9,
        top5: 93.7,
      },
    ],
  },
  {
    ...PUBLIC,
    id: "keras3_inception_v3",
    source: "Keras Applications, saved by Keras 3",
    map: KERAS_VARS_V3,
    preprocessing: "keras_299",
    licence: "Apache-2.0; trained on ImageNet",
    options: { countIncludePad: false, lastPool: "average" },
    files: [],
  },
  {
    ...PUBLIC,
    id: "slim_inception_v3",
    source: "TensorFlow slim, inception_v3_2016_08_28.tar.gz",
    map: SLIM_V3,
    preprocessing: "slim_299",
    licence: "Apache-2.0; trained on ImageNet",
    options: { countIncludePad: false, lastPool: "average" },
    files: [],
  },
  {
    id: "pytorch_fid_inception_v3",
    model: "inception_v3.fid",
    source: "pytorch-fid, converted from TensorFlow's graph of 2015",
    map: { ...torchvision, source: "pytorch-fid" },
    preprocessing: "pytorch_fid",
    labels: null,
    licence: "Apache-2.0; trained on ImageNet",
    files: [
      {
        name: "pytorch_fid",
        source: "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        sha256: "6726825d",
        classes: 1008,
      },
    ],
    goldens: ["fid.inception_v3"],
  },
];
