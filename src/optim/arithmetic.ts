import type { GraphBuilder, Ref } from "../ops/build.js";

/**
 * Formulas as graphs: each call adds one node `<path>.<name>`. A scalar [] may stand beside a vector [n]; where both are
 * scalars the node costs nothing worth counting, so factors are gathered on scalars first.
 */
export interface Arithmetic {
  readonly add: (name: string, x: Ref, y: Ref) => Ref;
  readonly sub: (name: string, x: Ref, y: Ref) => Ref;
  readonly mul: (name: string, x: Ref, y: Ref) => Ref;
  readonly div: (name: string, x: Ref, y: Ref) => Ref;
  readonly sqrt: (name: string, x: Ref) => Ref;
  readonly exp: (name: string, x: Ref) => Ref;
  /** Natural logarithm. */
  readonly log: (name: string, x: Ref) => Ref;
  /** max(x, 0) */
  readonly relu: (name: string, x: Ref) => Ref;
  /** min(max(x, least), most) */
  readonly clip: (name: string, x: Ref, least: number, most: number) => Ref;
  /** factor · x */
  readonly scaled: (name: string, x: Ref, factor: number) => Ref;
  /** x + value */
  readonly offset: (name: string, x: Ref, value: number) => Ref;
  readonly scalar: (name: string, value: number) => Ref;
}

export function arithmetic(b: GraphBuilder, path: string): Arithmetic {
  const binary = (op: "add" | "sub" | "mul" | "div") => (name: string, x: Ref, y: Ref) => b.add(op, `${path}.${name}`, [x, y], {});
  const unary = (op: "sqrt" | "exp" | "log" | "relu") => (name: string, x: Ref) => b.add(op, `${path}.${name}`, [x], {});
  const scalar = (name: string, value: number) => b.add("constant", `${path}.${name}`, [], { shape: [], values: [value] });
  const add = binary("add");
  return {
    add,
    sub: binary("sub"),
    mul: binary("mul"),
    div: binary("div"),
    sqrt: unary("sqrt"),
    exp: unary("exp"),
    log: unary("log"),
    relu: unary("relu"),
    clip: (name, x, least, most) => b.add("clip", `${path}.${name}`, [x], { min: least, max: most }),
    scaled: (name, x, factor) => b.add("scale", `${path}.${name}`, [x], { factor }),
    offset: (name, x, value) => add(name, x, scalar(`${name}.by`, value)),
    scalar,
  };
}

/** decay · previous + value: two passes. */
export function decayedSum(x: Arithmetic, name: string, previous: Ref, decay: number, value: Ref): Ref {
  return x.add(name, x.scaled(`${name}.kept`, previous, decay), value);
}

/** decay · previous + value²: three passes. */
export function decayedSumOfSquares(x: Arithmetic, name: string, previous: Ref, decay: number, value: Ref): Ref {
  return decayedSum(x, name, previous, decay, x.mul(`${name}.square`, value, value));
}

/**
 * 1 − share^step for a scalar step and a share in [0, 1), to float32's precision also where it is small.
 *
 * With e = step · ln share and u = exp(e) it is (1 − u) · e / ln u: what the rounding of u does to 1 − u it does to ln u
 * as well, and the quotient is free of it (1 − u alone would be 3e-5 off at share 0.999).
 */
export function approached(x: Arithmetic, name: string, step: Ref, share: number): Ref {
  if (share === 0) return x.scalar(`${name}.one`, 1);
  // Beyond −30 the result is 1 to the last bit, and u would become 0, which has no logarithm.
  const exponent = x.clip(`${name}.exponent`, x.scaled(`${name}.log_share`, step, Math.log(share)), -30, 0);
  const rest = x.exp(`${name}.rest`, exponent);
  const rough = x.sub(`${name}.rough`, x.scalar(`${name}.one`, 1), rest);
  return x.mul(name, rough, x.div(`${name}.correction`, exponent, x.log(`${name}.log_rest`, rest)));
}
