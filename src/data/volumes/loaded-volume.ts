import type { NiftiHeader } from "../../formats/nifti.js";
import type { Volume, VolumeGrid } from "./volume.js";

/** Sizes of a file or series, known before its voxels are read. */
export interface VolumeSizes extends VolumeGrid {
  /** Volumes in the file, time points and channels together. */
  readonly count: number;
  /** Of NIfTI; null for a series. */
  readonly header: NiftiHeader | null;
}

/** All volumes of a file, on one grid, and its header. */
export interface LoadedVolumes {
  /** One or more, with the fourth axis fastest. */
  readonly volumes: readonly Volume[];
  /** Pass it on when a result is written, so that the result has the geometry of the original. Null for a DICOM series or plain voxels. */
  readonly header: NiftiHeader | null;
}
