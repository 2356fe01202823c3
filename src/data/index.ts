export { MAX_HEADER_BYTES, type NiftiHeader, parseNiftiHeader, volumeBytes, volumeCount } from "../formats/nifti.js";
export { encodeNifti, type NiftiImage } from "../formats/nifti-encode.js";
export { augment, augmentAndNormalize, normalize } from "./augment/augment.js";
export {
  AUGMENTATIONS,
  type Augmentation,
  type AugmentationId,
  type ColorJitter,
  parseAugmentation,
  type RandomCrop,
  type RandomErasing,
} from "./augment/augmentation.js";
export { type MixableBatch, type Mixing, mixBatch } from "./augment/mix.js";
export type { AugmentationPolicy } from "./augment/policy.js";
export type { Batch, BatchSource, BatchStream, Dataset, SkippedSample } from "./batch.js";
export { CROP_COUNTS, type CropCount, type CropPlan, cropsOf, planCrops } from "./crops.js";
export { type DatasetSource, datasetSource, imagesDataset, type SampleStore, selectSamples } from "./dataset-source.js";
export { checkRaster, type FloatRaster, type Image, type Raster, rgbImage, toGray } from "./image.js";
export { PREPROCESSING, type PreprocessingId, parsePreprocessing } from "./preprocessing.js";
export { type Random, type RandomKey, randomStream } from "./random.js";
export { type ListedSample, type ListFormat, parseSampleList } from "./sample-list.js";
export { parseShapes10, renderShapes10, SHAPES10_CLASSES, type Shapes10Options, type Shapes10Picture, shapes10 } from "./shapes10.js";
export { epochOrder } from "./shuffle.js";
export { foldSplit, type Split, stratifiedSplit } from "./split.js";
export {
  centerCrop,
  centerCropStart,
  centerCropWindow,
  centralFractionWindow,
  crop,
  roundHalfToEven,
  visiblePart,
  type Window,
} from "./transforms/crop.js";
export { orient } from "./transforms/orient.js";
export { type PointFilter, type PointTarget, resizePointBilinear } from "./transforms/point-bilinear.js";
export { type Destination, type FloatFilter, type Preprocessing, preprocess, preprocessedShape } from "./transforms/preprocess.js";
export { type PillowFilter, type ResizeTarget, resize, resizeFloat } from "./transforms/resize.js";
export type { TargetSize } from "./transforms/target.js";
export {
  changeIntensities,
  NO_VOLUME_AUGMENTATION,
  parseVolumeAugmentation,
  VOLUME_AUGMENTATION,
  type VolumeAugmentation,
} from "./volumes/augmentation.js";
export {
  clipPercentiles,
  ctWindow,
  type Normalization,
  type Region,
  type VoxelStatistics,
  voxelStatistics,
  zScore,
} from "./volumes/intensity.js";
export { type AxisOrientation, axisCodes, fromRas, orientationOf, rasGrid, sameGrid, toRas } from "./volumes/orientation.js";
export { centralPatch, choosePatch, cutPatch, type LabeledVolume, type Patch, voxelIndicesByClass } from "./volumes/patch.js";
export {
  alignVolumes,
  joinChannels,
  type PreparedVolume,
  parseSegmentationConfig,
  preparedShape,
  prepareLabels,
  prepareVolume,
  restoreLabels,
  type SegmentationConfig,
} from "./volumes/recipe.js";
export { type Interpolation, resampleToGrid, resampleToShape, resampleToSpacing, shapeAtSpacing } from "./volumes/resample.js";
export { generateVolume, type SyntheticVolume } from "./volumes/synthetic-volume.js";
export type {
  Distribution,
  IntensityDistribution,
  IntensityProfile,
  TrainingStatistics,
} from "./volumes/training-statistics.js";
export {
  type Affine,
  createVolume,
  type Triple,
  type Volume,
  type VolumeData,
  type VolumeGrid,
  volumeFromNifti,
  voxelOf,
  voxelVolume,
  worldOf,
} from "./volumes/volume.js";
