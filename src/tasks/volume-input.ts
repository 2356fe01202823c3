import type { LoadedVolumes, VolumeSizes } from "../data/volumes/loaded-volume.js";
import type { Volume } from "../data/volumes/volume.js";
import { messageOf } from "../errors.js";
import type { ImageInput, VolumeInput } from "../runtime/platform.js";
import { fileName } from "./model-source.js";

/** Whether an input is voxels as `readVolume` gives them. */
export function isVolume(source: ImageInput | VolumeInput): source is Volume {
  return typeof source === "object" && "affine" in source;
}

/** Voxels that were handed over, as a file with them would be read. */
export function givenVolume(volume: Volume, onSizes: ((sizes: VolumeSizes) => void) | undefined): LoadedVolumes {
  onSizes?.({ shape: volume.shape, affine: volume.affine, count: 1, header: null });
  return { volumes: [volume], header: null };
}

/** How messages name a volume. Paths are cleaned where they are printed. */
export function volumeName(source: VolumeInput): string {
  if (typeof source === "string") return source;
  if (isVolume(source)) return "volume";
  const name = fileName(source);
  return name === "model" ? "volume" : messageOf(name);
}
