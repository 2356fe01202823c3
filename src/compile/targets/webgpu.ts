import { batchNormalizationGradientForm } from "../../ops/batch-normalization-gradient.js";
import { batchNormalizationTrainingByReductions } from "../../ops/batch-normalization-training.js";
import { batchNormalizationTrainingGradientForm } from "../../ops/batch-normalization-training-gradient.js";
import { concatForm } from "../../ops/concat.js";
import { convChwnForm } from "../../ops/conv-chwn.js";
import { convChwnInputGradientForm } from "../../ops/conv-chwn-input-gradient.js";
import { convInputGradientByGathering } from "../../ops/conv-input-gradient.js";
import { convTransposeOfImages } from "../../ops/conv-transpose.js";
import { convWeightGradientForm } from "../../ops/conv-weight-gradient.js";
import { dotByProducts } from "../../ops/kit/normalization.js";
import { joinInStages, shaderGroups } from "../../ops/kit/shader-buffers.js";
import { PRODUCTS_OF_COPIES } from "../../ops/kit/transposed-products.js";
import { logSoftmaxByParts } from "../../ops/log-softmax.js";
import { lrnBySums } from "../../ops/lrn.js";
import { givenByChoice, maxPoolGradientByComparing } from "../../ops/max-pool-gradient.js";
import { pReluByParts } from "../../ops/p-relu.js";
import { reluGradientByClip } from "../../ops/relu-gradient.js";
import { splitForm } from "../../ops/split.js";
import { sumByAdditions } from "../../ops/sum.js";
import type { TargetForms } from "./target.js";

/**
 * ONNX Runtime's WebGPU provider (onnxruntime-web 1.30), which has no BatchNormalization in training mode, ConvTranspose of
 * volumes, HardSigmoid, LRN, LogSoftmax, MaxPool with indices, PRelu or Sum, and whose Concat and Split take as many tensors
 * as a shader has buffers. A kernel as large as a map is nothing that it is fast with.
 */
export const WEBGPU: TargetForms = {
  needed: {
    batchNormalizationGradient: batchNormalizationGradientForm(dotByProducts),
    batchNormalizationTraining: batchNormalizationTrainingByReductions,
    batchNormalizationTrainingGradient: batchNormalizationTrainingGradientForm(dotByProducts),
    concat: concatForm(joinInStages),
    convChwn: convChwnForm(joinInStages),
    convChwnInputGradient: convChwnInputGradientForm(joinInStages),
    convInputGradient: convInputGradientByGathering,
    convTranspose: convTransposeOfImages,
    convWeightGradient: convWeightGradientForm({ join: joinInStages, products: PRODUCTS_OF_COPIES, forOneImage: false }),
    logSoftmax: logSoftmaxByParts,
    lrn: lrnBySums,
    maxPoolGradient: maxPoolGradientByComparing({ join: joinInStages, given: givenByChoice }),
    pRelu: pReluByParts,
    reluGradient: reluGradientByClip,
    split: splitForm(shaderGroups),
    sum: sumByAdditions,
  },
  faster: {},
};
