export { checkRaster, type FloatRaster, type Image, type Raster, rgbImage, toGrey } from "./image.js";
export { PREPROCESSING, type PreprocessingId, parsePreprocessing } from "./preprocessing.js";
export {
  centralFractionWindow,
  centreCrop,
  centreCropStart,
  centreCropWindow,
  crop,
  roundHalfToEven,
  visiblePart,
  type Window,
} from "./transforms/crop.js";
export { orient } from "./transforms/orient.js";
export { type PointFilter, type PointTarget, resizePointBilinear } from "./transforms/point-bilinear.js";
export { type Destination, type Preprocessing, preprocess, preprocessedShape } from "./transforms/preprocess.js";
export { type PillowFilter, type ResizeTarget, resize, resizeFloat } from "./transforms/resize.js";
export type { TargetSize } from "./transforms/target.js";
