import { bytesPerElement, type TensorData, viewBytes } from "../tensor/dtype.js";
import { type NiftiHeader, niftiError } from "./nifti.js";

/** What one volume is held in: one number per voxel, exact as a JavaScript number. */
export type VolumeData = Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/**
 * Stored values as they are, in this machine's byte order and not scaled.
 *
 * @param bytes - a whole number of elements; a view of them is returned where order and alignment allow
 */
export function storedVoxels(header: NiftiHeader, bytes: Uint8Array): TensorData {
  const size = bytesPerElement(header.dtype);
  return viewBytes(header.dtype, header.littleEndian || size === 1 ? bytes : swapped(bytes, size));
}

/**
 * Values of voxels after scaling. Integers up to 32 bits without scaling stay what they are, so that labels are exact; 64-bit
 * ones take 32 bits where all fit; everything else becomes float32, computed in double precision.
 *
 * @param bytes - as for {@link storedVoxels}
 * @param name - how messages call the file
 * @throws InceptionError FILE_UNSUPPORTED for a 64-bit integer without scaling that 32 bits do not hold
 */
export function voxelValues(header: NiftiHeader, bytes: Uint8Array, name: string): VolumeData {
  const stored = storedVoxels(header, bytes);
  if (header.scaling !== null) {
    const { slope, intercept } = header.scaling;
    const values = new Float32Array(stored.length);
    for (let index = 0; index < values.length; index++) values[index] = Number(stored[index]) * slope + intercept;
    return values;
  }
  if (stored instanceof Float64Array) return Float32Array.from(stored);
  if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) return narrowed(stored, name);
  return stored;
}

function narrowed(stored: BigInt64Array | BigUint64Array, name: string): Int32Array | Uint32Array {
  const signed = stored instanceof BigInt64Array;
  const values = signed ? new Int32Array(stored.length) : new Uint32Array(stored.length);
  for (let index = 0; index < values.length; index++) {
    values[index] = Number(stored[index]);
    if (BigInt(values[index] as number) === stored[index]) continue;
    const type = signed ? "int64" : "uint64";
    throw niftiError("FILE_UNSUPPORTED", name, `voxel ${index} is the ${type} ${stored[index]}, which does not fit into 32 bits`);
  }
  return values;
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let start = 0; start < bytes.length; start += size) {
    for (let byte = 0; byte < size; byte++) out[start + byte] = bytes[start + size - 1 - byte] as number;
  }
  return out;
}
