/** What was found in a set of labeled images. Plain data: equal sets give equal results. */

/** An image of the set. */
export interface CheckedImage {
  /** Position: training images first, then validation images. */
  readonly index: number;
  readonly name: string;
  readonly className: string;
  readonly split: "train" | "val";
}

export interface UnreadableImage extends CheckedImage {
  readonly reason: string;
}

/** Why two images of a group belong together. */
export interface DuplicateLink {
  readonly a: CheckedImage;
  readonly b: CheckedImage;
  /** "bytes": the files are equal; "pixels": they decode to the same; "near": they show the same. */
  readonly kind: "bytes" | "pixels" | "near";
  /** One is mirrored. */
  readonly mirrored: boolean;
  /** One shows a part of the other. */
  readonly cropped: boolean;
  /** Of the luma of both after alignment; 1 for equal pixels. */
  readonly correlation: number;
}

/** Images that show the same. */
export interface DuplicateImages {
  readonly images: readonly CheckedImage[];
  readonly links: readonly DuplicateLink[];
  /** Some are in training and some in validation. */
  readonly leak: boolean;
  /** They have different labels, of which at most one is right. */
  readonly acrossClasses: boolean;
}

export interface ImageOutlier extends CheckedImage {
  readonly measure: "size" | "aspect ratio" | "brightness" | "sharpness";
  /** Pixels, longer / shorter side, mean luma in [0, 1], or the variance of the Laplacian. */
  readonly value: number;
  readonly median: number;
  /** Modified z-score; of the logarithm for all but brightness. */
  readonly score: number;
}

/** An image whose label is probably wrong. */
export interface SuspectLabel extends CheckedImage {
  readonly suggested: string;
  /** Cross-validated probability of the suggested class. */
  readonly probability: number;
  /** The same of the label. */
  readonly selfConfidence: number;
}

export interface LabelCheck {
  /** The model whose features were used. */
  readonly model: string;
  readonly features: number;
  /** Images that have features. */
  readonly images: number;
  /** Fraction of these images for which cross-validation predicts the label. */
  readonly accuracy: number;
  /** Most suspect first. */
  readonly suspects: readonly SuspectLabel[];
}

interface CheckedClass {
  readonly name: string;
  readonly train: number;
  readonly val: number;
}

/** Counts of what a person should look at. */
export interface CheckCounts {
  /** Validation images of which there is a copy in training. */
  readonly leaks: number;
  /** Groups of duplicates with different labels. */
  readonly acrossClasses: number;
  /** Images that copy an earlier one of the same class and split. */
  readonly copies: number;
  readonly unreadable: number;
  /** Images. */
  readonly outliers: number;
  readonly suspectLabels: number;
  /** 1 where the largest class has more than 3 times as many training images as the smallest. */
  readonly imbalance: number;
}

export interface ImageCheck {
  readonly data: string;
  readonly train: number;
  readonly val: number;
  readonly classes: readonly CheckedClass[];
  readonly counts: CheckCounts;
  readonly unreadable: readonly UnreadableImage[];
  readonly duplicates: readonly DuplicateImages[];
  readonly outliers: readonly ImageOutlier[];
  /** Mean luma of the readable images in 20 steps of [0, 1]. */
  readonly brightness: readonly number[];
  /** Null without a model. */
  readonly labels: LabelCheck | null;
  /** What was not checked, and why. */
  readonly notes: readonly string[];
}

/** Findings that make a result of training on this data wrong: leaks, one image under two labels, unreadable files. */
export function severeFindings({ counts }: Pick<ImageCheck, "counts">): number {
  return counts.leaks + counts.acrossClasses + counts.unreadable;
}
