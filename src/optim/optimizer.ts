import type { GraphBuilder, Ref } from "../ops/build.js";
import type { OptionInput, OptionTable, OptionValue } from "../options.js";
import { type Arithmetic, arithmetic } from "./arithmetic.js";

/** A tensor of the parameter's size that an optimizer keeps from one step to the next. */
export interface OptimizerSlot {
  readonly name: string;
  /** The value of every element before the first step. */
  readonly initial: number;
}

/** Inputs of one update step. */
export interface OptimizerInputs {
  /** [n] */
  readonly parameter: Ref;
  /** [n], of the loss with respect to the parameter. */
  readonly gradient: Ref;
  /** [n] each, in the order of the optimizer's slots. */
  readonly slots: readonly Ref[];
  /** Scalar []. */
  readonly learningRate: Ref;
  /** Scalar []: 1 at the first update. */
  readonly step: Ref;
}

/** Result of one update step: the parameter and the slots of the next step, each [n]. */
export interface OptimizerUpdate {
  readonly parameter: Ref;
  readonly slots: readonly Ref[];
}

/**
 * A rule that moves parameters against their gradients, as a pure pair: the slots it starts from, and the graph of one
 * update. State goes in and comes out; the optimizer holds none.
 *
 * Parameters come as vectors, since ONNX Runtime multiplies a vector by a scalar several times faster than a kernel of
 * four axes. Formulas are arranged for few passes over the vectors: running averages are kept as discounted sums
 * (aₜ = β·aₜ₋₁ + xₜ, which is the average divided by 1 − β), and the missing factor goes into the learning rate.
 */
export interface Optimizer {
  readonly name: string;
  /** All options with their values, as plain data: with the name, what `optimizerOf` reads. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly slots: readonly OptimizerSlot[];
  /**
   * Adds the nodes of one update below `<path>.<name>`. Inputs that the formula does not need are left unread: only Adam
   * and what slows down or dampens with time ask for the step.
   */
  update(b: GraphBuilder, path: string, site: OptimizerInputs): OptimizerUpdate;
}

/** An optimizer as the table lists it: its formula, where that comes from, its options. */
export interface OptimizerKind {
  readonly doc: string;
  readonly source: string;
  readonly options: OptionTable;
  /** @throws InceptionError OPTION_INVALID */
  readonly create: (options: OptionInput) => Optimizer;
}

/** The update of an optimizer written with slots by name. */
export function defineOptimizer<N extends string>(
  name: string,
  options: Readonly<Record<string, OptionValue>>,
  initial: Readonly<Partial<Record<N, number>>>,
  step: (x: Arithmetic, site: NamedSite<N>) => { readonly parameter: Ref; readonly slots: Readonly<Partial<Record<N, Ref>>> },
): Optimizer {
  const slots = Object.entries<number | undefined>(initial).flatMap(([slot, value]) =>
    value === undefined ? [] : [{ name: slot, initial: value }],
  );
  return {
    name,
    options,
    slots,
    update: (b, path, site) => {
      if (site.slots.length !== slots.length) {
        throw new RangeError(`Cannot update "${path}" with ${name}: got ${site.slots.length} slots, expected ${slots.length}`);
      }
      const slotOf = (wanted: N): Ref => {
        const found = site.slots[slots.findIndex((slot) => slot.name === wanted)];
        if (found === undefined) throw new RangeError(`Cannot update "${path}": ${name} has no slot ${wanted}`);
        return found;
      };
      const next = step(arithmetic(b, `${path}.${name}`), { ...site, slot: slotOf });
      const nextSlots = new Map(Object.entries<Ref | undefined>(next.slots));
      return {
        parameter: next.parameter,
        slots: slots.map((slot) => {
          const value = nextSlots.get(slot.name);
          if (value === undefined) throw new RangeError(`Cannot update "${path}": ${name} leaves slot ${slot.name} without a value`);
          return value;
        }),
      };
    },
  };
}

/** `OptimizerInputs` with slots by name. */
export interface NamedSite<N extends string> extends Omit<OptimizerInputs, "slots"> {
  readonly slot: (name: N) => Ref;
}
