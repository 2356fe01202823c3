import type { MeasuredLabel } from "./labels.js";

/** One row for each label of each file, after RFC 4180: `file,label,name,voxels,volume_mm3`. */
export function encodeVolumesCsv(files: readonly { readonly file: string; readonly measured: readonly MeasuredLabel[] }[]): string {
  const rows = files.flatMap(({ file, measured }) =>
    measured.map(({ value, name, voxels, mm3 }) => [file, String(value), name, String(voxels), String(mm3)]),
  );
  return [["file", "label", "name", "voxels", "volume_mm3"], ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
