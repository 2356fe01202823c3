import { InceptionError } from "../errors.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { checkedElementCount } from "./element-layout.js";
import type { NiftiHeader, NiftiUnits } from "./nifti.js";
import { type Affine, affineSpacing, type Qform, qformOf, type Sform } from "./nifti-affine.js";
import {
  DESCRIPTION_BYTES,
  EXTENSION_FLAG_BYTES,
  NIFTI_DTYPES,
  NIFTI1,
  NIFTI2,
  type NiftiDType,
  type NiftiLayout,
  SPACE_UNITS,
  TIME_UNITS,
} from "./nifti-layout.js";
import type { VolumeData } from "./nifti-voxels.js";

/** Image to write: one number per voxel, the first axis fastest. */
export interface NiftiImage {
  readonly shape: readonly [x: number, y: number, z: number];
  readonly data: VolumeData;
  readonly affine: Affine;
}

/** The largest size that the 16 bits of NIfTI-1 say. */
const MAX_NIFTI1_DIM = 2 ** 15 - 1;
/** Affines that differ by less than this part of a voxel are one; turning a volume to RAS and back rounds a little. */
const SAME_PLACE = 1e-5;
/** "Aligned to something": what nibabel writes for an affine of unknown origin. */
const ALIGNED = 2;

/**
 * A NIfTI single file in two parts: header with extension flag, and voxels. Little-endian, without scaling or extensions, in the
 * element type of `image.data`.
 *
 * With a reference the file says the same as that one about the world, so that viewers lay one over the other: version, units, description, and,
 * where the affines are equal, qform and sform as they stood. Where they differ, sform holds the affine, and qform as well if its axes
 * are at right angles.
 *
 * @param like - header of the file that the volume came from; null for a new one, which is NIfTI-1 in millimeters
 * @throws InceptionError VOLUME_INVALID (shape and data disagree; affine not 4 x 4, not finite, or not one of voxels to the world)
 */
export function encodeNifti(image: NiftiImage, like: NiftiHeader | null = null): readonly [header: Uint8Array, voxels: Uint8Array] {
  checkImage(image);
  const { shape, data, affine } = image;
  const layout = like?.version === 2 || Math.max(...shape) > MAX_NIFTI1_DIM ? NIFTI2 : NIFTI1;
  const same = like !== null && placesAlike(image, like);
  const code = like === null ? ALIGNED : (like.affineFrom === "qform" ? like.qform.code : like.sform.code) || ALIGNED;
  const sform: Sform = same ? like.sform : { code, rows: affine.slice(0, 12) };
  const qform: Qform = (same ? like.qform : qformOf(affine, code)) ?? { code: 0, quaternion: [0, 0, 0], offset: [0, 0, 0], qfac: 1 };
  const spacing = same ? like.spacing.slice(0, 3) : affineSpacing(affine);
  const header = encodeHeader(layout, {
    shape,
    dtype: dtypeOf(data),
    spacing: [0, 1, 2].map((axis) => spacing[axis] ?? 1),
    sform,
    qform,
    units: like?.units ?? { space: "mm", time: "unknown" },
    description: like?.description ?? "",
  });
  return [header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

interface HeaderFields {
  readonly shape: readonly number[];
  readonly dtype: NiftiDType;
  readonly spacing: readonly number[];
  readonly sform: Sform;
  readonly qform: Qform;
  readonly units: NiftiUnits;
  readonly description: string;
}

function encodeHeader(layout: NiftiLayout, fields: HeaderFields): Uint8Array {
  const { shape, dtype, spacing, sform, qform, units, description } = fields;
  const bytes = new Uint8Array(layout.headerBytes + EXTENSION_FLAG_BYTES);
  const view = new DataView(bytes.buffer);
  const real = (at: number, values: readonly number[]): void =>
    values.forEach((value, index) => {
      if (layout.realBytes === 4) view.setFloat32(at + 4 * index, value, true);
      else view.setFloat64(at + 8 * index, value, true);
    });
  const code = (at: number, value: number): void =>
    layout.codeBytes === 2 ? view.setInt16(at, value, true) : view.setInt32(at, value, true);
  view.setInt32(0, layout.headerBytes, true);
  bytes.set(layout.magic.single, layout.magic.at);
  [shape.length, ...shape, ...new Array<number>(7 - shape.length).fill(1)].forEach((dim, index) => {
    if (layout.dimBytes === 2) view.setInt16(layout.dim + 2 * index, dim, true);
    else view.setBigInt64(layout.dim + 8 * index, BigInt(dim), true);
  });
  view.setInt16(layout.datatype, [...NIFTI_DTYPES].find(([, known]) => known === dtype)?.[0] ?? 0, true);
  view.setInt16(layout.bitpix, 8 * bytesPerElement(dtype), true);
  real(layout.pixdim, [qform.qfac, ...spacing, 1, 1, 1, 1]);
  if (layout.version === 1) view.setFloat32(layout.voxOffset, bytes.length, true);
  else view.setBigInt64(layout.voxOffset, BigInt(bytes.length), true);
  real(layout.slope, [1, 0]);
  const unitCode = SPACE_UNITS.indexOf(units.space) | (TIME_UNITS.indexOf(units.time) << 3);
  if (layout.version === 1) view.setUint8(layout.units, unitCode);
  else view.setInt32(layout.units, unitCode, true);
  bytes.set(latin1(description), layout.description);
  code(layout.qformCode, qform.code);
  code(layout.sformCode, sform.code);
  real(layout.quaternion, [...qform.quaternion, ...qform.offset]);
  real(layout.srow, sform.rows);
  return bytes;
}

/** Whether the reference's own fields say what the affine says. Without a transform the grid's middle is the origin, so sizes count then. */
function placesAlike({ shape, affine }: NiftiImage, like: NiftiHeader): boolean {
  const slack = SAME_PLACE * Math.max(...affineSpacing(like.affine));
  const alike = affine.every((value, index) => Math.abs(value - (like.affine[index] ?? 0)) <= slack);
  return alike && (like.affineFrom !== "spacing" || shape.every((dim, axis) => dim === (like.shape[axis] ?? 1)));
}

/** Characters that the field cannot hold become question marks; the last byte stays 0, which ends the text for every reader. */
function latin1(text: string): number[] {
  return Array.from(text.slice(0, DESCRIPTION_BYTES - 1), (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 256 ? code : 0x3f;
  });
}

function dtypeOf(data: VolumeData): NiftiDType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Uint8Array) return "uint8";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Uint16Array) return "uint16";
  return data instanceof Int32Array ? "int32" : "uint32";
}

function checkImage({ shape, data, affine }: NiftiImage): void {
  if (shape.length !== 3 || !shape.every((dim) => dim > 0) || checkedElementCount(shape) !== data.length) {
    const message = `Cannot write a volume of ${shape.join(" x ")} voxels over ${data.length} values: expected x * y * z values`;
    throw new InceptionError("VOLUME_INVALID", message, { shape, length: data.length });
  }
  const last = affine.slice(12).join(" ");
  if (affine.length === 16 && affine.every(Number.isFinite) && last === "0 0 0 1") return;
  const message = `Cannot write a volume with the affine [${affine.join(", ")}]: expected 16 finite numbers, row by row, the last four 0, 0, 0, 1`;
  throw new InceptionError("VOLUME_INVALID", message, { affine });
}
