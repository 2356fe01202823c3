import { dicom } from "./dicom.js";
import { images } from "./images.js";
import { indexFiles } from "./index-files.js";
import { json } from "./json.js";
import { metadata } from "./metadata.js";
import { nifti } from "./nifti.js";
import { npy } from "./npy.js";
import { onnxFiles } from "./onnx-files.js";
import { onnxSemantics } from "./onnx-semantics.js";
import { sampleLists } from "./sample-lists.js";
import { tarShards } from "./tar-shards.js";
import type { FuzzTarget } from "./target.js";
import { weights } from "./weights.js";

/** Every target; the shares add up to 100. */
export const TARGETS: readonly FuzzTarget[] = [
  dicom,
  images,
  indexFiles,
  json,
  metadata,
  nifti,
  npy,
  onnxFiles,
  onnxSemantics,
  sampleLists,
  tarShards,
  weights,
];
