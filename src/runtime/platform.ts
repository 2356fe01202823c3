/** What a task needs of the place where it runs. `node/platform.ts` and `web/platform.ts` each build one; tasks know neither. */
import type { BatchSource } from "../data/batch.js";
import type { BatchSourceOptions } from "../data/batches/plan.js";
import type { DatasetSource } from "../data/dataset-source.js";
import type { Image } from "../data/image.js";
import type { FileInput, ImageInput } from "../data/image-input.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import type { LoadedVolumes, VolumeSizes } from "../data/volumes/loaded-volume.js";
import type { Volume } from "../data/volumes/volume.js";
import type { ByteSource } from "../formats/byte-source.js";
import type { OwnBytes } from "../tensor/own-bytes.js";
import type { Float32Tensor, Tensor } from "../tensor/tensor.js";
import type { WeightFile } from "../weights/weight-file.js";
import type { CancelSignal, Session, SessionOptions } from "./session.js";
import type { Trainer, TrainerOptions, TrainingProgram } from "./trainer.js";

/** A volume: voxels, or a NIfTI file; in Node also a directory of DICOM slices. */
export type VolumeInput = FileInput | Volume;

export type { BlobLike, FileInput, ImageInput } from "../data/image-input.js";

export interface CallOptions {
  /** Ends the call early: it rejects with the signal's reason. */
  readonly signal?: CancelSignal;
}

/** How files are found, fetched and bounded. Each platform has further options of its own. */
export interface SourceOptions extends CallOptions {
  /** Called now and then during a download, and at its end. `total` is 0 where the server does not say. */
  readonly onProgress?: (progress: { readonly name: string; readonly received: number; readonly total: number }) => void;
  /** Maximum number of bytes of one download. Default: 4 GiB. */
  readonly maxBytes?: number;
}

/** A published weight file, known by name. */
export interface PublishedFile {
  readonly name: string;
  readonly source: string;
  /** Hexadecimal SHA-256, or its beginning where the publisher gives no more. */
  readonly sha256?: string;
}

export interface OpenedSource extends ByteSource {
  close(): Promise<void>;
}

/** Weights that are open for reading. What is read is what was hashed. */
export interface OpenedWeights {
  readonly file: WeightFile;
  /** How messages name the source. */
  readonly name: string;
  /** The last part of its name, which tells a reader which file it was and not where it was. */
  readonly title: string;
  /** Of the content, lower-case hexadecimal. */
  readonly sha256: string;
  close(): Promise<void>;
}

interface ModelSessionOptions extends SessionOptions, CallOptions {
  /** How messages name the model. */
  readonly name: string;
  /** Give the model's bytes to the session instead of having them copied. */
  readonly transfer: boolean;
  /** Let the runtime compute what needs no input while it opens the model. Default: true. */
  readonly constantFolding?: boolean;
}

/** How images are turned into pixels. */
export interface DecodeImageOptions extends CallOptions {
  /** How messages name the image. Default: its path or URL, otherwise "image". */
  readonly name?: string;
  /** Apply the EXIF orientation. Default: true. */
  readonly upright?: boolean;
}

/**
 * @typeParam Files - the platform's options of finding and fetching files
 * @typeParam Place - the platform's options of where sessions run
 */
export interface Platform<Files extends SourceOptions = SourceOptions, Place extends SessionOptions = SessionOptions> {
  createSession(model: Uint8Array, options: Place & ModelSessionOptions): Promise<Session>;
  createTrainer(
    programs: Readonly<Record<string, TrainingProgram>>,
    state: ReadonlyMap<string, Tensor>,
    options: TrainerOptions,
  ): Promise<Trainer>;

  /** Bytes that can be read anywhere. @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID, DOWNLOAD_FAILED */
  openSource(source: FileInput, options: Files): Promise<OpenedSource>;

  /**
   * Weights in any known format.
   *
   * @param source - where they are or their bytes; a published file is found or downloaded by what is known of it
   */
  openWeights(source: FileInput | PublishedFile, options: Files): Promise<OpenedWeights>;

  /**
   * Pixels, decoded off the calling thread.
   *
   * @throws InceptionError FILE_…, IMAGE_INVALID, IMAGE_LIMIT, SOURCE_INVALID
   */
  decodeImage(source: ImageInput, options: DecodeImageOptions & Files): Promise<Image>;

  /**
   * An image as a network reads it, [1, C, H, W]; decoded and prepared off the calling thread where it is large.
   *
   * @throws InceptionError as `decodeImage`
   */
  prepareImage(source: ImageInput, preprocessing: Preprocessing, options: DecodeImageOptions & Files): Promise<Float32Tensor>;

  /** The bytes of a PNG file. */
  encodePng(image: Image): Promise<OwnBytes>;

  /**
   * Batches of labeled images, decoded and augmented off the calling thread, ahead of their use.
   *
   * @throws InceptionError OPTION_INVALID; reading rejects with DATASET_INVALID, SESSION_CLOSED, SESSION_FAILED
   */
  openBatches(dataset: DatasetSource, options: BatchSourceOptions): Promise<BatchSource>;

  /**
   * All volumes of a file, scaled as its header says; orientation and size stay as stored.
   *
   * @param onSizes - called before voxels are unpacked; what it throws ends the reading
   */
  readVolumes(source: VolumeInput, options: Files & { readonly onSizes?: (sizes: VolumeSizes) => void }): Promise<LoadedVolumes>;

  /** Hexadecimal SHA-256 of bytes. */
  sha256(bytes: Uint8Array): Promise<string>;
}
