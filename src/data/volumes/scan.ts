import { InceptionError } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import type { Volume } from "./volume.js";

/**
 * Rejects a scan that cannot be segmented: one with infinite voxels, without a finite voxel, or with the same value everywhere.
 *
 * NaN beside finite voxels is accepted: SPM writes it outside of the brain, and resampling tools outside of the field of view.
 * Such voxels are not part of the scan; preprocessing counts them in no statistic.
 *
 * @param name - of the file, for messages
 * @returns 1 for each voxel that is NaN, else 0; null where none is
 * @throws InceptionError NOT_FINITE, VOLUME_INVALID
 */
export function checkScan({ data, shape }: Volume, name: string): Uint8Array | null {
  let [outside, infinite, firstInfinite, firstFinite] = [0, 0, -1, -1];
  for (let index = 0; index < data.length; index++) {
    const value = data[index]!;
    if (value - value === 0) {
      if (firstFinite < 0) firstFinite = index;
    } else if (Number.isNaN(value)) outside++;
    else {
      infinite++;
      if (firstInfinite < 0) firstInfinite = index;
    }
  }
  if (infinite > 0) {
    const [x, y] = shape;
    const place = [firstInfinite % x, Math.floor(firstInfinite / x) % y, Math.floor(firstInfinite / (x * y))];
    const fact = `voxel (${place.join(", ")}) is ${data[firstInfinite]}; ${infinite} of ${data.length} voxels are infinite`;
    throw new InceptionError("NOT_FINITE", `Cannot segment ${quoted(name)}: ${fact}`, { name, place, count: infinite });
  }
  if (firstFinite < 0) {
    throw new InceptionError("NOT_FINITE", `Cannot segment ${quoted(name)}: all ${data.length} voxels are NaN`, { name, count: outside });
  }
  checkSpread(data, firstFinite, name);
  return outside === 0 ? null : Uint8Array.from(data, (value) => (Number.isNaN(value) ? 1 : 0));
}

/** An empty scan would be segmented as "nothing found", which reads like a result. */
function checkSpread(data: Volume["data"], first: number, name: string): void {
  const value = data[first]!;
  for (const each of data) if (each !== value && !Number.isNaN(each)) return;
  const message = `Cannot segment ${quoted(name)}: all voxels are ${value}; expected an image with more than one value`;
  throw new InceptionError("VOLUME_INVALID", message, { name, value });
}

/** Labels with the background wherever the scan has no value. */
export function clearOutside(labels: Volume, outside: Uint8Array | null, background: number): Volume {
  if (outside === null) return labels;
  const data = labels.data.slice();
  for (let index = 0; index < data.length; index++) if (outside[index] === 1) data[index] = background;
  return { ...labels, data };
}
