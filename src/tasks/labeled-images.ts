/** Labeled images to train and to evaluate on, the same in Node and in a page. */
import { assemble, invalid, type OpenedDataset, type RawSamples, rawLabels } from "../data/assemble.js";
import { VAL_NAMES } from "../data/sample-list.js";
import type { BlobLike, ImageInput } from "../runtime/platform.js";
import { imageName } from "./image-input.js";

/** How labeled images are split, and which classes they have. */
interface OpenLabeledOptions {
  /** Fraction of each class that is held out where the images are not split already; in [0, 1). */
  readonly valFraction: number;
  /** Decides which images are held out. */
  readonly seed: number;
  /** Names of the classes by index. Default: those of the images. */
  readonly classes?: readonly string[];
}

/** Labeled images. None is read before they are trained or evaluated on. */
export interface LabeledImages {
  /** How messages name them. */
  readonly name: string;
  /** Where they are, for what can be opened again by this text; null for images that were given. */
  readonly source: string | null;
  /** @internal Lists the images of training and of validation. */
  readonly open: (options: OpenLabeledOptions) => Promise<OpenedDataset>;
}

/** A class by its name or its index; where images may have several or none, an array of them. */
type ImageLabel = string | number | readonly (string | number)[];

/** An image with its class, or with its classes. */
export interface LabeledImage {
  readonly image: ImageInput;
  readonly label: ImageLabel;
}

/** What `labeledImages` cannot tell from the items: the order of the classes and a name. */
export interface LabeledImagesOptions {
  /** Names of the classes by index. Default: the labels that occur, sorted (by value where all are integers). */
  readonly classNames?: readonly string[];
  /** How messages and reports name the images. Default: "labeled images". */
  readonly name?: string;
}

/**
 * Labeled images that a program has: paths, URLs, bytes, Blobs, pixels. They are decoded while they are used, off the calling thread.
 *
 * @param items - images with labels, as records or as pairs
 * @throws InceptionError DATASET_INVALID for no images, fewer than two classes, a label that is neither a text nor an index, one that is
 *   not among `classNames`, and an item without an image
 *
 * @example
 * ```ts
 * import { labeledImages } from "inceptionkit";
 * const items = ["7-a", "7-b", "3-a", "3-b"].map((name) => ({ image: `examples/digits/images/${name}.png`, label: name.slice(0, 1) }));
 * labeledImages(items).name; // "labeled images"
 * ```
 */
export function labeledImages(
  items: Iterable<LabeledImage | readonly [image: ImageInput, label: ImageLabel]>,
  options: LabeledImagesOptions = {},
): LabeledImages {
  const { name = "labeled images", classNames } = options;
  const pairs = Array.from(items, (item) => (isPair(item) ? item : ([item.image, item.label] as const)));
  const raw: RawSamples = {
    store: {
      kind: "inputs",
      inputs: pairs.map(([image], index) => checkedImage(name, image, index)),
      names: pairs.map(([image], index) => imageName(image) ?? `image ${index}`),
    },
    labels: rawLabels(pairs.map(([, label], index) => checkedLabels(name, classNames ?? null, label, index))),
    splits: pairs.map(() => null),
  };
  return opened(name, raw, classNames ?? null);
}

/** A file that a person chose with its directory. */
interface ChosenFile extends BlobLike {
  readonly name: string;
  /** Path below the parent of the chosen directory, as `<input webkitdirectory>` gives it. */
  readonly webkitRelativePath?: string;
}

/** Files of an `<input webkitdirectory>`: a FileList, or an array of Files. */
export type ChosenFiles = Iterable<ChosenFile> | ArrayLike<ChosenFile>;

const EXPECTED = "a directory for each class (CLASS/*.jpg), or train/CLASS/*.jpg and val/CLASS/*.jpg";
const IMAGE_NAME = /\.(jpe?g|jpe|png|webp)$/i;

/**
 * The images of a chosen directory, with the names of the directories as classes.
 *
 * @throws InceptionError DATASET_INVALID where there are no images in a directory for each class
 */
export function chosenFolder(files: ChosenFiles): LabeledImages {
  const all = Array.from(files, (file) => ({ file, path: (file.webkitRelativePath || file.name).split("/") }));
  const name = all.find(({ path }) => path.length > 1)?.path[0] ?? "files";
  const images = all
    .map(({ file, path }) => ({ file, path: path.slice(1) }))
    .filter(({ path }) => IMAGE_NAME.test(path.at(-1) ?? "") && !path.some((part) => part.startsWith(".")));
  const tops = new Set(images.filter(({ path }) => path.length > 2).map(({ path }) => path[0]));
  // Without "train", a directory called "test" is a class like any other.
  const val = tops.has("train") ? VAL_NAMES.find((each) => tops.has(each)) : undefined;
  const sorted = images.toSorted((a, b) => comparePaths(a.path, b.path));
  const samples = sorted.flatMap(({ file, path }) => {
    const [top = "", label = ""] = path;
    if (!tops.has("train")) return path.length < 2 ? [] : [{ file, path, label: top, split: null }];
    const split = top === "train" ? ("train" as const) : ("val" as const);
    return path.length < 3 || (top !== "train" && top !== val) ? [] : [{ file, path, label, split: val === undefined ? null : split }];
  });
  if (samples.length === 0) throw invalid(name, `it has ${all.length} files, but no images in directories; expected ${EXPECTED}`);
  const raw: RawSamples = {
    store: { kind: "inputs", inputs: samples.map(({ file }) => file), names: samples.map(({ path }) => path.join("/")) },
    labels: samples.map(({ label }) => label),
    splits: samples.map(({ split }) => split),
  };
  return opened(name, raw, null);
}

/** By directory, then by name, each by character codes: the order in which Node lists an image folder. */
function comparePaths(a: readonly string[], b: readonly string[]): number {
  const [first, second] = [a.join("\u0000"), b.join("\u0000")];
  return first < second ? -1 : first > second ? 1 : 0;
}

function opened(name: string, raw: RawSamples, classes: readonly string[] | null): LabeledImages {
  const open = (options: OpenLabeledOptions) =>
    assemble(raw, { ...options, name, classes: options.classes ?? classes, expected: "an image and a label" });
  // Labels and classes are wrong at once, not when training begins.
  open({ valFraction: 0, seed: 0 });
  return { name, source: null, open: async (options) => open(options) };
}

function isPair<T>(item: T | readonly [ImageInput, ImageLabel]): item is readonly [ImageInput, ImageLabel] {
  return Array.isArray(item);
}

function checkedImage(name: string, image: ImageInput, index: number): ImageInput {
  if (typeof image === "string" || (typeof image === "object" && image !== null)) return image;
  throw invalid(name, `item ${index} has no image, expected a path, a URL, bytes, a Blob or pixels`, { index });
}

function checkedLabels(name: string, classNames: readonly string[] | null, label: ImageLabel, index: number): string | readonly string[] {
  return isSet(label) ? label.map((each) => checkedLabel(name, classNames, each, index)) : checkedLabel(name, classNames, label, index);
}

function isSet(label: ImageLabel): label is readonly (string | number)[] {
  return Array.isArray(label);
}

function checkedLabel(name: string, classNames: readonly string[] | null, label: string | number, index: number): string {
  if (typeof label === "string" && label !== "") return label;
  const isIndex = Number.isSafeInteger(label) && Number(label) >= 0;
  if (isIndex && classNames === null) return String(label);
  const named = classNames?.[Number(label)];
  if (isIndex && named !== undefined) return named;
  const expected =
    classNames === null ? "the name of a class or its index" : `the name of one of ${classNames.length} classes or its index`;
  throw invalid(name, `item ${index} has the label ${JSON.stringify(label)}, expected ${expected}`, { index, label });
}
