import type { Convention } from "./conventions/convention.js";

/** How one source names the parameters of one network. Names only: axis orders belong to the convention. */
export interface NameMap {
  /** The source: "torchvision", "timm", "caffe", …, "inceptionkit" for our own names. */
  readonly source: string;
  readonly convention: Convention;
  /** The source's name of our parameter path. Must be one-to-one. */
  readonly nameOf: (path: string) => string;
  /** Source names that hold nothing that inference needs, each a whole-name pattern. Anything else that is left over is an error. */
  readonly ignore: readonly RegExp[];
}

/** Rename by whole path segments at the start: the first rule whose left side is the path or a prefix of it before a dot. */
export function renamePrefixes(rules: readonly (readonly [ours: string, theirs: string])[]): (path: string) => string {
  return (path) => {
    const rule = rules.find(([ours]) => path === ours || path.startsWith(`${ours}.`));
    return rule ? `${rule[1]}${path.slice(rule[0].length)}` : path;
  };
}
