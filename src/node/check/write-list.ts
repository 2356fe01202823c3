import path from "node:path";
import { cleanedImages } from "../../check/cleaned-list.js";
import type { ImageCheck } from "../../check/image-check.js";
import type { OpenedDataset } from "../../data/assemble.js";
import type { SampleStore } from "../../data/dataset-source.js";
import { InceptionError } from "../../errors.js";
import { encodeCsv } from "../../formats/csv.js";
import { quoted } from "../../formats/quoted.js";
import { imagesOf } from "../../tasks/check/check-dataset.js";
import { at } from "../../tensor/at.js";
import { writeFileAtomic } from "../write-file.js";

/** Beginnings that CSV for spreadsheets changes. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * Refuses what `writeCleanedList` cannot write, before hours of checking.
 *
 * @throws InceptionError OPTION_INVALID for data without files, another ending than .csv or .jsonl, and labels that CSV changes
 */
export function checkListFile(file: string, { train, val }: OpenedDataset): void {
  const refused = (fact: string) => new InceptionError("OPTION_INVALID", `Cannot write the list ${quoted(file)}: ${fact}`, { file });
  if (!/\.(csv|jsonl)$/i.test(file)) throw refused("expected a name that ends in .csv or .jsonl");
  const other = [train, ...(val === null ? [] : [val])].find(({ samples }) => samples.kind !== "files");
  if (other !== undefined) throw refused(`${quoted(other.name)} has no image files, which a list names; expected a directory or a list`);
  const label = train.classes.find((name) => FORMULA.test(name));
  if (label !== undefined && /\.csv$/i.test(file)) throw refused(`CSV changes the label ${quoted(label)}; pass a name that ends in .jsonl`);
}

/**
 * Writes the cleaned list that `train` takes. Paths are relative to the directory of the list.
 *
 * @returns the number of images on it
 * @throws InceptionError as `checkListFile`; FILE_WRITE_FAILED
 */
export async function writeCleanedList(file: string, data: OpenedDataset, check: ImageCheck): Promise<number> {
  checkListFile(file, data);
  const folder = path.dirname(path.resolve(file));
  const rows = cleanedImages(imagesOf(data), check).map(({ index, className, split }) => {
    const isVal = index >= data.train.size;
    const source = isVal ? (data.val ?? data.train) : data.train;
    const found = relativeTo(folder, fileOf(source.samples, isVal ? index - data.train.size : index));
    return { path: FORMULA.test(found) ? `./${found}` : found, label: className, split };
  });
  const text = /\.csv$/i.test(file)
    ? encodeCsv(
        ["path", "label", "split"],
        rows.map((row) => [row.path, row.label, row.split]),
      )
    : rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await writeFileAtomic(file, [Buffer.from(text)]);
  return rows.length;
}

function fileOf(samples: SampleStore, index: number): string {
  if (samples.kind !== "files") throw new TypeError(`Cannot name the file of an image of kind ${samples.kind}`);
  return path.resolve(samples.root, at(samples.files, index));
}

/** With slashes on every system, as lists have them. */
function relativeTo(folder: string, file: string): string {
  return path.relative(folder, file).split(path.sep).join("/");
}
