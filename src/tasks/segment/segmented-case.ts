import type { Volume } from "../../data/index.js";
import type { NiftiHeader } from "../../formats/nifti.js";
import type { SlicedCase } from "../../report/case-slices.js";
import type { Platform } from "../../runtime/platform.js";
import type { CaseWarning } from "../../segment/index.js";
import type { LabelStatistics } from "../../segment/labels.js";
import type { Plane } from "../../segment/slices.js";
import type { OwnBytes } from "../../tensor/own-bytes.js";

/** The segmentation of one volume. All data is on the grid of the file. */
export interface SegmentedVolume {
  /** The label values of the model's recipe. */
  readonly labels: Volume;
  /** Of the file, for `writeVolume`; null for a series of DICOM slices, whose affine is enough. */
  readonly header: NiftiHeader | null;
  /** The first channel, as it was read. */
  readonly image: Volume;
  /** Every label but the background, in the model's order. */
  readonly labelStatistics: readonly LabelStatistics[];
  /** Of each class in the model's order, in [0, 1]; null where they were not asked for. */
  readonly probabilities: readonly Volume[] | null;
  /** How the case differs from those the model was trained on; null where the model does not record them (`recipe.training`). */
  readonly warnings: readonly CaseWarning[] | null;
  /**
   * The slice at the center of the labels, with their outlines, as a PNG file, as pages about cases show it. In a page:
   * `img.src = URL.createObjectURL(new Blob([await result.overlayPng()]))`.
   *
   * @param plane - Default: "axial"
   */
  overlayPng(plane?: Plane): Promise<OwnBytes>;
}

/** What was segmented. Its drawing is on the prototype, so that the data can be compared and sent to a worker. */
export class SegmentedCase implements SegmentedVolume {
  readonly labels: SegmentedVolume["labels"];
  readonly header: SegmentedVolume["header"];
  readonly image: SegmentedVolume["image"];
  readonly labelStatistics: SegmentedVolume["labelStatistics"];
  readonly probabilities: SegmentedVolume["probabilities"];
  readonly warnings: SegmentedVolume["warnings"];
  readonly #drawn: SlicedCase;
  readonly #platform: Pick<Platform, "encodePng">;

  /** @param drawn - image and labels in millimeters */
  constructor(data: Omit<SegmentedVolume, "overlayPng">, drawn: SlicedCase, platform: Pick<Platform, "encodePng">) {
    this.labels = data.labels;
    this.header = data.header;
    this.image = data.image;
    this.labelStatistics = data.labelStatistics;
    this.probabilities = data.probabilities;
    this.warnings = data.warnings;
    this.#drawn = drawn;
    this.#platform = platform;
  }

  async overlayPng(plane: Plane = "axial"): Promise<OwnBytes> {
    const { caseSlices } = await import("../../report/case-slices.js");
    const { whole, draw } = caseSlices(this.#drawn);
    return this.#platform.encodePng({ ...draw(plane, whole).picture, channels: 3 });
  }
}
