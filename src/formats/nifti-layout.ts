import type { DType } from "../tensor/dtype.js";

/** Where the fields of a NIfTI header stand. Sources: nifti1.h and nifti2.h of the NIfTI Data Format Working Group. */
export interface NiftiLayout {
  readonly version: 1 | 2;
  readonly headerBytes: number;
  /** Magic of a single file, and of the header of a pair. */
  readonly magic: { readonly at: number; readonly single: readonly number[]; readonly pair: readonly number[] };
  /** Bytes of one dimension (signed), of one real number, and of a code. */
  readonly dimBytes: 2 | 8;
  readonly realBytes: 4 | 8;
  readonly codeBytes: 2 | 4;
  readonly dim: number;
  readonly intentCode: number;
  readonly datatype: number;
  readonly bitpix: number;
  readonly pixdim: number;
  readonly voxOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly units: number;
  readonly description: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** Three quaternion parts, then three offsets. */
  readonly quaternion: number;
  readonly srow: number;
}

export const NIFTI1: NiftiLayout = {
  version: 1,
  headerBytes: 348,
  magic: { at: 344, single: [0x6e, 0x2b, 0x31, 0], pair: [0x6e, 0x69, 0x31, 0] },
  dimBytes: 2,
  realBytes: 4,
  codeBytes: 2,
  dim: 40,
  intentCode: 68,
  datatype: 70,
  bitpix: 72,
  pixdim: 76,
  voxOffset: 108,
  slope: 112,
  intercept: 116,
  units: 123,
  description: 148,
  qformCode: 252,
  sformCode: 254,
  quaternion: 256,
  srow: 280,
};

export const NIFTI2: NiftiLayout = {
  version: 2,
  headerBytes: 540,
  magic: {
    at: 4,
    single: [0x6e, 0x2b, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a],
    pair: [0x6e, 0x69, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a],
  },
  dimBytes: 8,
  realBytes: 8,
  codeBytes: 4,
  dim: 16,
  intentCode: 504,
  datatype: 12,
  bitpix: 14,
  pixdim: 104,
  voxOffset: 168,
  slope: 176,
  intercept: 184,
  units: 500,
  description: 240,
  qformCode: 344,
  sformCode: 348,
  quaternion: 352,
  srow: 400,
};

/** Four bytes between a header and the voxels of a single file say whether extensions follow. */
export const EXTENSION_FLAG_BYTES = 4;
/** Length of the free text. */
export const DESCRIPTION_BYTES = 80;

/** Element types that are read. */
export type NiftiDType = Exclude<DType, "float16" | "bfloat16" | "bool">;

export const NIFTI_DTYPES: ReadonlyMap<number, NiftiDType> = new Map<number, NiftiDType>([
  [2, "uint8"],
  [4, "int16"],
  [8, "int32"],
  [16, "float32"],
  [64, "float64"],
  [256, "int8"],
  [512, "uint16"],
  [768, "uint32"],
  [1024, "int64"],
  [1280, "uint64"],
]);

/** Element types of the standard that have no one number per voxel, or none that JavaScript can hold. */
export const REFUSED_DTYPES: ReadonlyMap<number, string> = new Map([
  [1, "bits"],
  [32, "complex64"],
  [128, "RGB"],
  [1536, "float128"],
  [1792, "complex128"],
  [2048, "complex256"],
  [2304, "RGBA"],
]);

export type SpaceUnit = "unknown" | "m" | "mm" | "um";
export type TimeUnit = "unknown" | "s" | "ms" | "us" | "Hz" | "ppm" | "rad/s";

/** By the lower three bits of the field. */
export const SPACE_UNITS: readonly SpaceUnit[] = ["unknown", "m", "mm", "um"];
/** By the next three bits. */
export const TIME_UNITS: readonly TimeUnit[] = ["unknown", "s", "ms", "us", "Hz", "ppm", "rad/s"];
