import type { PreprocessingId } from "../data/index.js";

/** Whose numbers are reproduced: the first is the default. */
export const FRECHET_MODES = ["pytorch-fid", "legacy-tensorflow", "clean"] as const;
/** Which implementation's conventions are followed. */
export type FrechetMode = (typeof FRECHET_MODES)[number];

/**
 * How each mode makes the 299 × 299 input of an image; networks and formulas are the same. The table of recipes has their sources.
 *
 * - `pytorch-fid`: bilinear without antialiasing at pixel centers, (x - 127.5) / 127.5.
 * - `legacy-tensorflow`: bilinear without antialiasing at pixel corners, (x - 128) / 128: the resize inside the graph of 2015 that TTUR runs.
 * - `clean`: Pillow's antialiased bicubic in floating point, (x - 128) / 128: clean-fid.
 */
export const MODE_PREPROCESSING: Readonly<Record<FrechetMode, PreprocessingId>> = {
  "pytorch-fid": "pytorch_fid",
  "legacy-tensorflow": "ttur",
  clean: "clean_fid",
};

/** Feature sizes of the network, as pytorch-fid's `--dims`: global averages of the maps behind four of its parts. */
export const FEATURE_SIZES = [64, 192, 768, 2048] as const;
/** Length of the feature vectors: 64, 192, 768 or 2048. */
export type FeatureSize = (typeof FEATURE_SIZES)[number];
