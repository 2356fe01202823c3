import { convByImages } from "../../ops/conv.js";
import { convTransposeByConvolution } from "../../ops/conv-transpose.js";
import type { TargetForms } from "./target.js";

/** Every runtime: ONNX's own operators alone. This is what files contain. */
export const STANDARD: TargetForms = {
  needed: {},
  faster: { conv: convByImages, convTranspose: convTransposeByConvolution },
};
