import { TORCH } from "../weights/conventions/convention.js";
import type { NameMap } from "../weights/name-map.js";
import { FACENET_V1, KERAS_FACENET_V1 } from "./names/inception-resnet.js";
import type { WeightSet } from "./weight-set.js";

/** facenet-pytorch's keys are our paths. Its files hold the classifier of the training identities too. */
const facenet: NameMap = {
  source: "facenet-pytorch",
  convention: TORCH,
  nameOf: (path) => path,
  ignore: [/^.*\.num_batches_tracked$/, /^logits\.(weight|bias)$/],
};

const FACENET_RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9";

export const INCEPTION_RESNET_V1_WEIGHTS: readonly WeightSet[] = [
  {
    id: "facenet",
    model: "inception_resnet_v1.public",
    source: "facenet-pytorch, converted from facenet 20180402-114759 (VGGFace2) or 20180408-102900 (CASIA-WebFace)",
    map: facenet,
    preprocessing: "facenet",
    labels: null,
    licence: "MIT (code and weights); the face datasets are for research only",
    files: [
      { name: "facenet_vggface2", source: `${FACENET_RELEASE}/20180402-114759-vggface2.pt`, classes: 8631 },
      { name: "facenet_casia_webface", source: `${FACENET_RELEASE}/20180408-102900-casia-webface.pt`, classes: 10_575 },
    ],
    goldens: ["facenet.inception_resnet_v1"],
  },
  {
    id: "facenet_tensorflow",
    model: "inception_resnet_v1.public",
    source: "facenet 20180402-114759 (VGGFace2) or 20180408-102900 (CASIA-WebFace), frozen graph or checkpoint",
    map: FACENET_V1,
    preprocessing: "facenet",
    labels: null,
    licence: "MIT (code and weights); the face datasets are for research only",
    files: [],
  },
  {
    id: "keras_facenet",
    model: "inception_resnet_v1.public",
    source: "keras-facenet, converted from facenet; files of 128 values need option embeddingSize 128",
    map: KERAS_FACENET_V1,
    preprocessing: "facenet",
    labels: null,
    licence: "MIT (code and weights); the face datasets are for research only",
    files: [],
  },
];
