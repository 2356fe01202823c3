import { InceptionError } from "../errors.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { formatCount } from "../text.js";
import { checkedElementCount } from "./element-layout.js";
import { type Affine, type Qform, qformAffine, type Sform, sformAffine, spacingAffine } from "./nifti-affine.js";
import {
  DESCRIPTION_BYTES,
  EXTENSION_FLAG_BYTES,
  NIFTI_DTYPES,
  NIFTI1,
  NIFTI2,
  type NiftiDType,
  type NiftiLayout,
  REFUSED_DTYPES,
  SPACE_UNITS,
  type SpaceUnit,
  TIME_UNITS,
  type TimeUnit,
} from "./nifti-layout.js";
import { quoted } from "./quoted.js";

/**
 * Headers of NIfTI-1 and NIfTI-2, either byte order, single files and pairs. Only bytes are looked at: opening files and
 * unpacking gzip are in src/node/volumes.ts. docs/decisions/0004-nifti.md says why this is not a library.
 */

/** Bytes that are enough for the header of either version. */
export const MAX_HEADER_BYTES = NIFTI2.headerBytes;
/**
 * Voxels of one volume, time points and channels not counted: a CT of 512 x 512 x 2048, the largest in common use. As
 * float32 they take 2 GiB, which is what one array holds everywhere.
 */
export const MAX_VOXELS = 2 ** 29;

/** Checked contents of a NIfTI header. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  /** Whether the voxels are in a second file (.hdr and .img). */
  readonly pair: boolean;
  readonly littleEndian: boolean;
  /** One to seven sizes, all positive: x, y, z, time, then channels. The first axis varies fastest. */
  readonly shape: readonly number[];
  readonly dtype: NiftiDType;
  /** A stored value v stands for `slope * v + intercept`; null where it stands for itself. */
  readonly scaling: NiftiScaling | null;
  /** The header's pixdim, as many as sizes: the first three in `units.space` and positive, the fourth in `units.time`. */
  readonly spacing: readonly number[];
  /** Voxel indices to world coordinates, in `units.space` (as nibabel, meters and micrometers are not converted). */
  readonly affine: Affine;
  /** What the affine was made from: the first that the header has of these. */
  readonly affineFrom: "sform" | "qform" | "spacing";
  readonly qform: Qform;
  readonly sform: Sform;
  /** Where the voxels begin in their file, in bytes. */
  readonly voxelOffset: number;
  readonly units: NiftiUnits;
  /** Free text of at most 80 characters; a stranger's. */
  readonly description: string;
}

export interface NiftiScaling {
  readonly slope: number;
  readonly intercept: number;
}

export interface NiftiUnits {
  readonly space: SpaceUnit;
  readonly time: TimeUnit;
}

/**
 * Reads a header. Values are decided as nibabel does: sform before qform before spacing, codes outside 0 to 5 count as 0, spacing 0
 * counts as 1 and a negative one as positive, a slope of 0 or NaN means no scaling.
 *
 * Refused, although nibabel reads it: an affine or spacing that is not finite, a single file whose voxels begin inside the
 * header, CIFTI matrices, complex and RGB voxels.
 *
 * @param bytes - the beginning of the file; {@link MAX_HEADER_BYTES} are enough
 * @param name - how messages call the file
 * @throws InceptionError FILE_UNRECOGNIZED (no NIfTI, Analyze 7.5), FILE_TRUNCATED, FILE_CORRUPT, FILE_UNSUPPORTED (element type,
 * CIFTI), FILE_LIMIT (more than 2^29 voxels in one volume)
 */
export function parseNiftiHeader(bytes: Uint8Array, name: string): NiftiHeader {
  const { layout, pair } = recognize(bytes, name);
  const fields = openFields(bytes, layout, name);
  const { shape, littleEndian } = fields;
  if (layout.version === 2) refuseCifti(fields.code(layout.intentCode), name);
  const dtype = readDType(fields.small(layout.datatype), name);
  const spacing = readSpacing(fields, layout, name);
  const qform: Qform = {
    code: transformCode(fields.code(layout.qformCode)),
    quaternion: [fields.real(layout.quaternion, 0), fields.real(layout.quaternion, 1), fields.real(layout.quaternion, 2)],
    offset: [fields.real(layout.quaternion, 3), fields.real(layout.quaternion, 4), fields.real(layout.quaternion, 5)],
    qfac: fields.real(layout.pixdim, 0) === -1 ? -1 : 1,
  };
  const sform: Sform = {
    code: transformCode(fields.code(layout.sformCode)),
    rows: Array.from({ length: 12 }, (_, index) => fields.real(layout.srow, index)),
  };
  const { space, time } = readUnits(layout.version === 1 ? fields.byte(layout.units) : fields.code(layout.units));
  return {
    version: layout.version,
    pair,
    littleEndian,
    shape,
    dtype,
    scaling: readScaling(fields.real(layout.slope, 0), fields.real(layout.intercept, 0), name),
    spacing: spacing.slice(0, shape.length),
    ...bestAffine(shape, spacing, qform, sform, layout.version, name),
    qform,
    sform,
    voxelOffset: readVoxelOffset(fields, layout, pair, name),
    units: { space, time },
    description: fields.text(layout.description, DESCRIPTION_BYTES),
  };
}

/** Number of volumes: the product of the sizes after the third. */
export function volumeCount(header: NiftiHeader): number {
  return header.shape.slice(3).reduce((product, dim) => product * dim, 1);
}

/** Bytes of the voxels of one volume. */
export function volumeBytes(header: NiftiHeader): number {
  return header.shape.slice(0, 3).reduce((product, dim) => product * dim, 1) * bytesPerElement(header.dtype);
}

type FailureCode = "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNRECOGNIZED" | "FILE_UNSUPPORTED";

/** The error of everything that is wrong with a NIfTI file. */
export function niftiError(code: FailureCode, name: string, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read NIfTI file ${quoted(name)}: ${fact}`, { file: name });
}

interface Fields {
  readonly littleEndian: boolean;
  readonly shape: readonly number[];
  readonly small: (at: number) => number;
  readonly byte: (at: number) => number;
  readonly code: (at: number) => number;
  /** The real number `index` places after the field's first. */
  readonly real: (at: number, index: number) => number;
  readonly offset: () => number;
  readonly text: (at: number, length: number) => string;
}

function recognize(bytes: Uint8Array, name: string): { readonly layout: NiftiLayout; readonly pair: boolean } {
  const starts = (at: number, magic: readonly number[]): boolean => magic.every((byte, index) => bytes[at + index] === byte);
  for (const layout of [NIFTI1, NIFTI2]) {
    const { at, single, pair } = layout.magic;
    const isPair = starts(at, pair);
    if (!isPair && !starts(at, single)) continue;
    if (bytes.length >= layout.headerBytes) return { layout, pair: isPair };
    throw niftiError("FILE_TRUNCATED", name, `it has ${bytes.length} bytes, its header alone takes ${layout.headerBytes}`);
  }
  if (bytes.length < NIFTI1.headerBytes) {
    throw niftiError("FILE_TRUNCATED", name, `it has ${bytes.length} bytes, a header takes ${NIFTI1.headerBytes}`);
  }
  throw niftiError(
    "FILE_UNRECOGNIZED",
    name,
    "its magic bytes are not those of NIfTI-1 or NIfTI-2 (Analyze 7.5, which does not define left and right, is not supported)",
  );
}

function openFields(bytes: Uint8Array, layout: NiftiLayout, name: string): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, layout.headerBytes);
  const { dimBytes, realBytes, codeBytes } = layout;
  const dimIn = (index: number, little: boolean): number =>
    dimBytes === 2 ? view.getInt16(layout.dim + 2 * index, little) : Number(view.getBigInt64(layout.dim + 8 * index, little));
  // The byte order stands nowhere; the number of dimensions makes sense in one order only. So do nibabel and the C library.
  const isRank = (rank: number): boolean => rank >= 1 && rank <= 7;
  const littleEndian = isRank(dimIn(0, true));
  const rank = dimIn(0, littleEndian);
  if (!isRank(rank)) throw niftiError("FILE_CORRUPT", name, `dim[0] is ${dimIn(0, true)}, expected 1 to 7 dimensions`);
  const real = (at: number, index: number): number =>
    realBytes === 4 ? view.getFloat32(at + 4 * index, littleEndian) : view.getFloat64(at + 8 * index, littleEndian);
  return {
    littleEndian,
    shape: checkShape(
      Array.from({ length: rank }, (_, axis) => dimIn(axis + 1, littleEndian)),
      name,
    ),
    real,
    small: (at) => view.getInt16(at, littleEndian),
    byte: (at) => view.getUint8(at),
    code: (at) => (codeBytes === 2 ? view.getInt16(at, littleEndian) : view.getInt32(at, littleEndian)),
    offset: () => (layout.version === 1 ? real(layout.voxOffset, 0) : Number(view.getBigInt64(layout.voxOffset, littleEndian))),
    text: (at, length) => new TextDecoder("latin1").decode(bytes.subarray(at, at + length)).replace(/\0.*$/s, ""),
  };
}

function checkShape(shape: readonly number[], name: string): readonly number[] {
  const wrong = shape.findIndex((dim) => dim < 1);
  if (wrong >= 0) throw niftiError("FILE_CORRUPT", name, `dim[${wrong + 1}] is ${shape[wrong]}, expected a positive size`);
  const voxels = checkedElementCount(shape.slice(0, 3));
  if (voxels === null || voxels > MAX_VOXELS) {
    throw niftiError("FILE_LIMIT", name, `a volume of ${shape.slice(0, 3).join(" x ")} voxels, the limit is ${formatCount(MAX_VOXELS)}`);
  }
  // Eight bytes each, so that their number is exact too.
  if (checkedElementCount([...shape, 8]) === null) {
    throw niftiError("FILE_CORRUPT", name, `[${shape.join(", ")}] are more voxels than a file can contain`);
  }
  return shape;
}

function readDType(code: number, name: string): NiftiDType {
  const dtype = NIFTI_DTYPES.get(code);
  if (dtype !== undefined) return dtype;
  const refused = REFUSED_DTYPES.get(code);
  const known = [...NIFTI_DTYPES.values()].join(", ");
  const fact =
    refused === undefined ? `its element type has the unknown code ${code}` : `its voxels are ${refused}, which are not one number each`;
  throw niftiError("FILE_UNSUPPORTED", name, `${fact}; supported are ${known}`);
}

/** Matrices of brain connectivity in a NIfTI-2 file: intent codes 3000 to 3099. */
function refuseCifti(intent: number, name: string): void {
  if (intent < 3000 || intent > 3099) return;
  throw niftiError("FILE_UNSUPPORTED", name, `it is a CIFTI-2 matrix (intent ${intent}), which has no voxels; expected a volume`);
}

/** Seven steps of pixdim; the first three, which are lengths, as nibabel mends them. */
function readSpacing(fields: Fields, layout: NiftiLayout, name: string): readonly number[] {
  return Array.from({ length: 7 }, (_, axis) => {
    const step = fields.real(layout.pixdim, axis + 1);
    if (axis > 2) return step;
    if (!Number.isFinite(step)) throw niftiError("FILE_CORRUPT", name, `pixdim[${axis + 1}] is ${step}, expected a length`);
    return step === 0 ? 1 : Math.abs(step);
  });
}

function transformCode(code: number): number {
  return code >= 0 && code <= 5 ? code : 0;
}

function bestAffine(
  shape: readonly number[],
  spacing: readonly number[],
  qform: Qform,
  sform: Sform,
  version: 1 | 2,
  name: string,
): Pick<NiftiHeader, "affine" | "affineFrom"> {
  const affineFrom = sform.code > 0 ? "sform" : qform.code > 0 ? "qform" : "spacing";
  const affine =
    affineFrom === "sform"
      ? sformAffine(sform)
      : affineFrom === "qform"
        ? qformAffine(qform, spacing, version)
        : spacingAffine(shape, spacing);
  if (affine?.every(Number.isFinite) === true) return { affine, affineFrom };
  const fact =
    affineFrom === "sform"
      ? `its sform [${sform.rows.join(", ")}] is not finite`
      : `its qform's quaternion [${qform.quaternion.join(", ")}] with offset [${qform.offset.join(", ")}] is not a rotation and translation`;
  throw niftiError("FILE_CORRUPT", name, `${fact}; expected an affine from voxels to world coordinates`);
}

function readScaling(slope: number, intercept: number, name: string): NiftiScaling | null {
  if (slope === 0 || !Number.isFinite(slope)) return null;
  if (!Number.isFinite(intercept)) {
    throw niftiError("FILE_CORRUPT", name, `scl_inter is ${intercept} beside the slope ${slope}, expected a number`);
  }
  return slope === 1 && intercept === 0 ? null : { slope, intercept };
}

function readVoxelOffset(fields: Fields, layout: NiftiLayout, pair: boolean, name: string): number {
  const offset = fields.offset();
  const least = pair ? 0 : layout.headerBytes + EXTENSION_FLAG_BYTES;
  if (Number.isSafeInteger(offset) && offset >= least) return offset;
  // Readers differ on smaller ones: nibabel takes header bytes for voxels when it is 0, the C library begins after the header.
  throw niftiError("FILE_CORRUPT", name, `vox_offset is ${offset}, expected at least ${least}`);
}

function readUnits(code: number): NiftiUnits {
  return { space: SPACE_UNITS[code & 7] ?? "unknown", time: TIME_UNITS[(code >> 3) & 7] ?? "unknown" };
}
