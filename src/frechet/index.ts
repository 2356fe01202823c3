/** How alike two sets of images are: Fréchet and kernel distances of a network's features, and the inception score. No platform. */

export { type NpzFile, openNpz } from "../formats/npz.js";
export { type FrechetOptions, frechetDistance } from "./distance.js";
export { symmetricEigenvalues } from "./eigenvalues.js";
export { assignGroups, groupCount, JACKKNIFE_GROUPS, jackknifeInterval, statisticsExcluding } from "./groups.js";
export { type InceptionScore, InceptionScoreAccumulator } from "./inception-score.js";
export { type FeatureRows, type KernelDistance, type KernelDistanceOptions, kernelDistance } from "./kernel-distance.js";
export { FEATURE_SIZES, type FeatureSize, FRECHET_MODES, type FrechetMode, MODE_PREPROCESSING } from "./modes.js";
export { type FeatureStatistics, MAX_FEATURES, MomentAccumulator, type Moments, mergeMoments, statisticsOf } from "./moments.js";
export { encodeStatistics, readStatistics, type SavedStatistics, type StatisticsOrigin } from "./statistics-file.js";
