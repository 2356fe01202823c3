import type { CaseWarning } from "../../segment/index.js";
import type { MeasuredLabel } from "./labels.js";

interface CsvFile {
  readonly file: string;
  readonly measured: readonly MeasuredLabel[];
  readonly warnings: readonly CaseWarning[] | null;
}

/** In the column `warnings`, for a model that records nothing to compare with. */
const NOT_CHECKED = "not-checked";

/**
 * One row for each label of each file, after RFC 4180: `file,label,name,voxels,volume_mm3,warnings`. The last column has the codes of
 * the file's warnings, each once, with spaces between; empty where there are none.
 */
export function encodeVolumesCsv(files: readonly CsvFile[]): string {
  const rows = files.flatMap(({ file, measured, warnings }) => {
    const codes = warnings === null ? NOT_CHECKED : [...new Set(warnings.map(({ code }) => code))].join(" ");
    return measured.map(({ value, name, voxels, mm3 }) => [file, String(value), name, String(voxels), String(mm3), codes]);
  });
  return [["file", "label", "name", "voxels", "volume_mm3", "warnings"], ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
