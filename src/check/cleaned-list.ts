import type { CheckedImage, ImageCheck } from "./image-check.js";

/**
 * The images that remain after findings that need no eye are resolved: unreadable images go; of duplicates of one class the first
 * stays, which is the one in training; of duplicates with different labels none stays. Suspect labels and outliers stay.
 */
export function cleanedImages(
  images: readonly CheckedImage[],
  check: Pick<ImageCheck, "unreadable" | "duplicates">,
): readonly CheckedImage[] {
  const gone = new Set(check.unreadable.map(({ index }) => index));
  for (const { images: members, acrossClasses } of check.duplicates) {
    for (const { index } of acrossClasses ? members : members.slice(1)) gone.add(index);
  }
  return images.filter(({ index }) => !gone.has(index));
}
