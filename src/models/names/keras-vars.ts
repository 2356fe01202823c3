/**
 * Names of variables in the files of Keras 3, `.weights.h5` and `.keras`: `layers/conv2d_3/vars/0`. The numbers count the layers
 * of a class in the order in which the model lists them, by depth in its graph and then by the order of a walk from its
 * outputs, whatever the layers are called. Source: keras 3.15.1, saving/saving_lib.py and ops/function.py (map_graph).
 * Inside an Inception block that order is not the order of creation, so each block has a table.
 */
import { TENSORFLOW } from "../../weights/conventions/convention.js";
import type { NameMap } from "../../weights/name-map.js";
import { findUnit, leafOf, type NamedBlocks } from "./tensorflow.js";

/** Where a variable is among those of its layer. Keras Applications' normalizations have no gamma. */
const POSITIONS: ReadonlyMap<string, number> = new Map([
  ["kernel", 0],
  ["bias", 1],
  ["beta", 0],
  ["moving_mean", 1],
  ["moving_variance", 2],
]);

/** A layer of a class, counted from 0; only the convolution of a unit may lack a normalization. */
interface SavedLayer {
  readonly conv: number;
  readonly norm: number;
}

/**
 * The names of a model of Keras Applications that Keras 3 saved.
 *
 * @param blocks - with their `keras.saved` tables
 * @param classifier - our unit of the only dense layer
 * @param after - units that follow all blocks
 */
export function kerasVarsNames(blocks: NamedBlocks, classifier: string, after: Readonly<Record<string, SavedLayer>> = {}): NameMap {
  const nameOf = (path: string): string => {
    const { unit, keras, norm } = leafOf(path);
    const position = POSITIONS.get(keras);
    // Keras leaves scales out, and nothing else has no position.
    if (position === undefined) return `gamma of ${path}`;
    if (unit === classifier) return `layers/dense/vars/${position}`;
    const layer = (Object.hasOwn(after, unit) ? after[unit] : undefined) ?? savedLayer(blocks, unit);
    if (layer === null) return path;
    return norm ? variable("batch_normalization", layer.norm, position) : variable("conv2d", layer.conv, position);
  };
  const ignore = [/^optimizer\/.*$/, /^(.*\/)?seed_generator\/vars\/\d+$/];
  return { source: "keras 3", convention: TENSORFLOW, nameOf, ignore, canonical: () => withoutOuterLayers };
}

/** The first layer of a class has no number. */
function variable(kind: string, number: number, position: number): string {
  return `layers/${number === 0 ? kind : `${kind}_${number}`}/vars/${position}`;
}

function savedLayer(blocks: NamedBlocks, unit: string): SavedLayer | null {
  const found = findUnit(blocks, unit);
  const keras = found?.block.keras;
  if (found === null || keras === undefined) return null;
  const { first, step = 0, saved } = keras;
  const units = Object.keys(found.block.layers);
  const place = saved.order.indexOf(units.indexOf(found.unit));
  return { conv: saved.first + found.index * units.length + place, norm: first - 1 + found.index * step + place };
}

const LAYER = /^(?:.*\/)?(?:layers|_layer_checkpoint_dependencies)\/((?:conv2d|batch_normalization|dense)(?:_\d+)?\/vars\/\d+)$/;

/** A backbone inside another model, `layers/functional/layers/conv2d/vars/0`, is named as one that was saved alone. */
function withoutOuterLayers(name: string): string {
  const variable = LAYER.exec(name)?.[1];
  return variable === undefined || name.startsWith("optimizer/") ? name : `layers/${variable}`;
}
