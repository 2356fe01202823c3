import { encodeCsv } from "../../formats/csv.js";
import type { CaseWarning } from "../../segment/index.js";
import type { LabelStatistics } from "../../segment/labels.js";

interface CsvFile {
  readonly file: string;
  readonly measured: readonly LabelStatistics[];
  readonly warnings: readonly CaseWarning[] | null;
}

/** In the column `warnings`, for a model that records nothing to compare with. */
const NOT_CHECKED = "not-checked";

/**
 * One row for each label of each file: `file,label,name,voxels,volume_mm3,warnings`. The last column has the codes of the file's
 * warnings, each once, with spaces between; empty where there are none.
 */
export function encodeVolumesCsv(files: readonly CsvFile[]): string {
  const rows = files.flatMap(({ file, measured, warnings }) => {
    const codes = warnings === null ? NOT_CHECKED : [...new Set(warnings.map(({ code }) => code))].join(" ");
    return measured.map(({ value, name, voxels, mm3 }) => [file, value, name, voxels, mm3, codes]);
  });
  return encodeCsv(["file", "label", "name", "voxels", "volume_mm3", "warnings"], rows);
}
