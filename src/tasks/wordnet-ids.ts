/** The ids of the ImageNet classes where these are the classes; null elsewhere. */
export async function wordNetIds(classes: readonly string[]): Promise<readonly string[] | null> {
  if (classes.length !== 1000) return null;
  const { IMAGENET_CLASSES } = await import("../data/imagenet.js");
  return classes.every((name, index) => IMAGENET_CLASSES[index]?.[1] === name) ? IMAGENET_CLASSES.map(([id]) => id) : null;
}
