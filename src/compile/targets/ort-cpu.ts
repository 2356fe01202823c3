import { convInputGradientForm } from "../../ops/conv-input-gradient.js";
import { convWeightGradientForm } from "../../ops/conv-weight-gradient.js";
import { joinAtOnce } from "../../ops/kit/shader-buffers.js";
import { FUSED_PRODUCTS } from "../../ops/kit/transposed-products.js";
import { fusedMatMul } from "../../ops/mat-mul.js";
import { STANDARD } from "./standard.js";
import type { TargetForms } from "./target.js";

/** ONNX Runtime's CPU provider: operators of its own (domain com.microsoft) where they are faster. */
export const ORT_CPU: TargetForms = {
  needed: STANDARD.needed,
  faster: {
    ...STANDARD.faster,
    convInputGradient: convInputGradientForm(FUSED_PRODUCTS),
    convWeightGradient: convWeightGradientForm({ join: joinAtOnce, products: FUSED_PRODUCTS, forOneImage: true }),
    matMul: fusedMatMul,
  },
};
