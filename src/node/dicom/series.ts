import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../../errors.js";
import {
  type DicomFile,
  type DicomSlice,
  dicomError,
  MARK_BYTES,
  type ParseDicom,
  PREAMBLE_BYTES,
  parseDicomFile,
} from "../../formats/dicom/slice.js";
import { quoted } from "../../formats/quoted.js";
import { formatCount } from "../../text.js";
import { openFileSource } from "../file-source.js";
import { readError } from "../system-error.js";

/** One image series in a directory. */
export interface DicomSeries {
  /** SeriesInstanceUID; give it as the option `series`. */
  readonly uid: string;
  /** Free text of the first file; untrusted. */
  readonly description: string;
  /** Such as "CT" or "MR". */
  readonly modality: string;
  /** Files of the series. */
  readonly slices: number;
}

/** The files of one series, with what is wrong with them still to be met. */
export interface FoundSeries extends DicomSeries {
  readonly files: readonly DicomFile[];
}

/** Bytes of one file: 16384 x 16384 pixels of 16 bits. What is larger is a film, or no slice. */
const MAX_FILE_BYTES = 2 ** 29 + 2 ** 24;
/** Series that a message lists. */
const MAX_LISTED = 10;

/**
 * The series of images in a folder, in the order of their UIDs. Files are told by content: whatever is no DICOM file, or has no pixels
 * (reports, the index of a disc), is passed over. Folders inside the folder are not entered.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID; FILE_UNRECOGNIZED where there is no image; FILE_CORRUPT, FILE_LIMIT for a file
 * that begins as DICOM does and cannot be read
 */
export async function findSeries(folder: string): Promise<readonly FoundSeries[]> {
  const { default: dicomParser } = await import("dicom-parser");
  const names = await fileNames(folder);
  const files: DicomFile[] = [];
  for (const name of names) {
    const file = await readDicomFile(path.join(folder, name), dicomParser.parseDicom);
    if (file !== null) files.push(file);
  }
  const groups = new Map<string, DicomFile[]>();
  for (const file of files) groups.set(file.seriesUid, [...(groups.get(file.seriesUid) ?? []), file]);
  const found = [...groups].flatMap(([uid, members]): FoundSeries[] => {
    const [first] = members;
    if (first === undefined || members.every(({ slice }) => slice === null)) return [];
    return [{ uid, description: first.description, modality: first.modality, slices: members.length, files: members }];
  });
  if (found.length > 0) return found.toSorted((a, b) => (a.uid < b.uid ? -1 : 1));
  const fact = `none of its ${names.length} files is a DICOM image (subdirectories are not searched)`;
  throw new InceptionError("FILE_UNRECOGNIZED", `Cannot read DICOM series of ${quoted(folder)}: ${fact}`, { folder });
}

/** The files of a folder, sorted, so that messages do not depend on the file system; hidden ones are left out, and what links lead to counts. */
async function fileNames(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((thrown: unknown) => {
    throw unlisted(folder, thrown);
  });
  const names: string[] = [];
  for (const entry of entries.filter(({ name }) => !name.startsWith("."))) {
    const found = entry.isSymbolicLink() ? await stat(path.join(folder, entry.name)).catch(() => null) : entry;
    if (found?.isFile() === true) names.push(entry.name);
  }
  return names.toSorted();
}

function unlisted(folder: string, thrown: unknown): InceptionError {
  return readError(`read DICOM series of ${quoted(folder)}`, folder, thrown);
}

async function readDicomFile(file: string, parse: ParseDicom): Promise<DicomFile | null> {
  const source = await openFileSource(file);
  try {
    if (source.size < MARK_BYTES) return null;
    const mark = await source.read(PREAMBLE_BYTES, MARK_BYTES - PREAMBLE_BYTES);
    if (new TextDecoder("latin1").decode(mark) !== "DICM") return null;
    if (source.size > MAX_FILE_BYTES) {
      throw dicomError(
        "FILE_LIMIT",
        file,
        `it has ${formatCount(source.size)} bytes, the limit for a slice is ${formatCount(MAX_FILE_BYTES)}`,
      );
    }
    return parseDicomFile(await source.read(0, source.size), file, parse);
  } finally {
    await source.close();
  }
}

/**
 * The series that is asked for, or the only one.
 *
 * @throws InceptionError OPTION_INVALID, with the list of what is there
 */
export function chosenSeries(found: readonly FoundSeries[], uid: string | null, folder: string): FoundSeries {
  const wanted = uid === null ? found : found.filter((series) => series.uid === uid);
  const [only, ...others] = wanted;
  if (only !== undefined && others.length === 0) return only;
  const listed = found.slice(0, MAX_LISTED).map((series) => {
    const { description, modality, slices } = series;
    const about = [modality, description].filter((text) => text !== "").map((text) => quoted(text));
    return `${messageOf(series.uid)} (${[...about, `${slices} slices`].join(", ")})`;
  });
  const list = [...listed, ...(found.length > MAX_LISTED ? [`and ${found.length - MAX_LISTED} more`] : [])].join("; ");
  const fact =
    uid === null
      ? `it contains ${found.length} series; select one with the option series`
      : `it contains no series with the UID ${quoted(uid)}`;
  const details = { folder, series: found.map(({ files, ...series }) => series) };
  throw new InceptionError("OPTION_INVALID", `Cannot read DICOM series of ${quoted(folder)}: ${fact}: ${list}`, details);
}

/**
 * The slices of a series.
 *
 * @throws InceptionError what is wrong with the first of them that cannot be read; FILE_CORRUPT where one has no pixels
 */
export function slicesOf({ files }: FoundSeries): readonly DicomSlice[] {
  return files.map(({ file, slice }) => {
    if (slice instanceof InceptionError) throw slice;
    if (slice === null) throw dicomError("FILE_CORRUPT", file, "it has no pixels, unlike the other files of its series");
    return slice;
  });
}
