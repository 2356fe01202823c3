import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import { listDicomSeries } from "../dicom/read.js";
import { readError } from "../system-error.js";
import { isVolumeName } from "../volumes.js";

/**
 * Lists the volume files at paths, in order. A directory yields the files directly in it that are volumes by their names,
 * sorted. Hidden files are skipped, and of a pair only the header is listed. A directory of DICOM slices is one volume. A named file is kept whatever its name.
 *
 * @throws InceptionError FILE_NOT_FOUND where a path does not exist, SOURCE_INVALID where a directory cannot be read, DATASET_INVALID
 *   where it contains no volume
 */
export async function listVolumes(paths: readonly string[]): Promise<readonly string[]> {
  const files = [];
  for (const each of paths) {
    const found = await stat(each).catch((thrown: unknown) => {
      throw unreadable(each, thrown);
    });
    files.push(...(found.isDirectory() ? await volumesOf(each) : [each]));
  }
  return files;
}

async function volumesOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    throw unreadable(folder, thrown);
  });
  const headers = new Set(names.filter((name) => HEADER.test(name)).map(withoutEnding));
  const volumes = names.filter(
    (name) => isVolumeName(name) && !name.startsWith(".") && !(VOXELS.test(name) && headers.has(withoutEnding(name))),
  );
  if (volumes.length > 0) return volumes.toSorted().map((name) => path.join(folder, name));
  if (await holdsSlices(folder)) return [folder];
  const message = `Cannot list volumes of "${messageOf(folder)}": it contains no .nii, .hdr or .img files, with or without .gz, and no DICOM slices`;
  throw new InceptionError("DATASET_INVALID", message, { folder });
}

async function holdsSlices(folder: string): Promise<boolean> {
  try {
    return (await listDicomSeries(folder)).length > 0;
  } catch (thrown) {
    if (thrown instanceof InceptionError && thrown.code === "FILE_UNRECOGNIZED") return false;
    throw thrown;
  }
}

const HEADER = /\.hdr(\.gz)?$/i;
const VOXELS = /\.img(\.gz)?$/i;

/** The name of a case: that of its file without folder and ending. */
export function withoutEnding(file: string): string {
  return path.basename(file).replace(/(\.(nii|hdr|img))?(\.gz)?$/i, "");
}

function unreadable(file: string, thrown: unknown): InceptionError {
  return readError(`list volumes of "${messageOf(file)}"`, file, thrown);
}
