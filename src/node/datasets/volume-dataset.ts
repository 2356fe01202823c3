import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Volume } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { decodeJson, isJsonRecord, isList, type JsonData, type JsonRecord } from "../../train/json.js";
import { readTextFile } from "../file-source.js";
import { factOf } from "../system-error.js";
import { readVolume, readVolumes } from "../volumes.js";

/** A labeled case: two files. */
export interface VolumeCase {
  /** The label file's name without its ending; unique. */
  readonly id: string;
  /** Path of the image; a fourth axis holds its channels. */
  readonly image: string;
  /** Path of the labels. */
  readonly label: string;
}

/** Labeled volumes, without the volumes. */
export interface VolumeDataset {
  readonly name: string;
  /** As the description states it, in either spelling; null where nothing does. */
  readonly licence: string | null;
  /** Names of the image's channels; empty where nothing names them. */
  readonly channels: readonly string[];
  /** Names of label values; empty where nothing names them. */
  readonly labelNames: ReadonlyMap<number, string>;
  /** Sorted by id. */
  readonly cases: readonly VolumeCase[];
}

const DESCRIPTION = "dataset.json";
/** A list of ten thousand cases takes a megabyte. */
const MAX_DESCRIPTION_BYTES = 64 * 2 ** 20;
const VOLUME_ENDING = /\.nii(\.gz)?$/i;
/** Folders that belong together where nothing is described. */
const FOLDERS = [
  ["imagesTr", "labelsTr"],
  ["images", "labels"],
] as const;

/**
 * Lists the labeled volumes of a directory: in the layout of the Medical Segmentation Decathlon, whose `dataset.json` lists
 * images and labels and names channels and label values; or two directories, `images` and `labels` (or `imagesTr` and `labelsTr`),
 * whose files have the same names.
 *
 * @param place - the directory, or its dataset.json
 * @throws InceptionError DATASET_INVALID, FILE_CORRUPT (not JSON), FILE_LIMIT
 */
export async function openVolumeDataset(place: string): Promise<VolumeDataset> {
  const info = await stat(place).catch((thrown: unknown) => {
    throw invalid(place, factOf(thrown));
  });
  const folder = info.isDirectory() ? place : path.dirname(place);
  const file = info.isDirectory() ? path.join(place, DESCRIPTION) : place;
  const described = !info.isDirectory() || (await stat(file).catch(() => null)) !== null;
  const dataset = described ? await readDescription(folder, file) : await pairFolders(folder);
  if (dataset.cases.length === 0) throw invalid(place, "it lists no labeled volumes");
  const ids = dataset.cases.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw invalid(place, `two cases are named "${messageOf(twice)}", expected unique names`);
  return { ...dataset, cases: dataset.cases.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
}

function invalid(place: string, fact: string): InceptionError {
  return new InceptionError("DATASET_INVALID", `Cannot use "${messageOf(place)}" as labeled volumes: ${fact}`, { place });
}

async function readDescription(folder: string, file: string): Promise<VolumeDataset> {
  const json = decodeJson(await readTextFile(file, MAX_DESCRIPTION_BYTES), `"${messageOf(file)}"`);
  if (!isJsonRecord(json)) throw invalid(file, "it is not a JSON object");
  const { training, name, modality, channel_names: channelNames, labels, licence = json.license } = json;
  if (!isList(training)) throw invalid(file, 'it has no list "training" of images and labels');
  const cases = training.map((entry, index) => {
    const [image, label] = isJsonRecord(entry) ? [entry.image, entry.label] : [];
    if (typeof image !== "string" || typeof label !== "string") {
      throw invalid(file, `entry ${index} of "training" is not an object with "image" and "label"`);
    }
    return { id: idOf(label), image: inside(folder, image, file), label: inside(folder, label, file) };
  });
  return {
    name: typeof name === "string" ? name : path.basename(path.resolve(folder)),
    licence: typeof licence === "string" ? licence : null,
    channels: byNumber(modality ?? channelNames).map(([, text]) => text),
    labelNames: labelNames(labels),
    cases,
  };
}

/** A description names files of its own folder; one that points elsewhere is a mistake or worse. */
function inside(folder: string, file: string, description: string): string {
  const relative = path.normalize(file);
  if (path.isAbsolute(relative) || relative.split(path.sep).includes("..")) {
    throw invalid(description, `it lists "${messageOf(file)}", expected a path inside its directory`);
  }
  return path.join(folder, relative);
}

function idOf(file: string): string {
  return path.basename(file).replace(VOLUME_ENDING, "");
}

/** `{"0": "MRI"}` in the order of its numbers. */
function byNumber(json: JsonData | undefined): readonly (readonly [number, string])[] {
  const entries = isJsonRecord(json) ? Object.entries(json) : [];
  const numbered = entries.flatMap(([key, value]) =>
    /^\d{1,9}$/.test(key) && typeof value === "string" ? [[Number(key), value] as const] : [],
  );
  return numbered.toSorted(([a], [b]) => a - b);
}

/** The Decathlon writes `{"1": "Anterior"}`, nnU-Net `{"Anterior": 1}`. */
function labelNames(json: JsonData | undefined): ReadonlyMap<number, string> {
  const turned = isJsonRecord(json) ? turnedNames(json) : [];
  return new Map([...byNumber(json), ...turned]);
}

function turnedNames(json: JsonRecord): readonly (readonly [number, string])[] {
  return Object.entries(json).flatMap(([name, value]) => (typeof value === "number" ? [[value, name] as const] : []));
}

async function pairFolders(folder: string): Promise<VolumeDataset> {
  for (const [images, labels] of FOLDERS) {
    const names = await readdir(path.join(folder, labels)).catch(() => null);
    if (names === null) continue;
    const volumes = names.filter((file) => VOLUME_ENDING.test(file) && !file.startsWith("."));
    const pictures = new Set(await readdir(path.join(folder, images)).catch(() => []));
    const alone = volumes.filter((file) => !pictures.has(file));
    if (alone.length > 0) {
      const shown = alone.slice(0, 3).map(messageOf).join(", ");
      throw invalid(
        folder,
        `${alone.length} files of ${labels} have no image of the same name in ${images} (${shown}${alone.length > 3 ? ", …" : ""})`,
      );
    }
    const cases = volumes.map((file) => ({
      id: idOf(file),
      image: path.join(folder, images, file),
      label: path.join(folder, labels, file),
    }));
    return { name: path.basename(path.resolve(folder)), licence: null, channels: [], labelNames: new Map(), cases };
  }
  throw invalid(folder, `it has no ${DESCRIPTION}, and no directories images and labels (or imagesTr and labelsTr)`);
}

/** The volumes of a case as they are stored: the channels of the image, and the labels. */
export async function readCase({ image, label }: VolumeCase): Promise<{ readonly channels: readonly Volume[]; readonly labels: Volume }> {
  const { volume: labels } = await readVolume(label);
  const { volumes: channels } = await readVolumes(image);
  return { channels, labels };
}
