import fc from "fast-check";
import { expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { GraphBuilder } from "../ops/build.js";
import { adamw, decays, OPTIMIZERS, optimizerOf, rmspropTf, sgd } from "./index.js";

test("the table is sorted, and each entry makes the optimizer of its name", () => {
  const names = Object.keys(OPTIMIZERS);
  expect(names).toEqual([...names].sort());
  for (const [name, kind] of Object.entries(OPTIMIZERS)) {
    expect(kind.create({}).name).toBe(name);
    expect(Object.keys(kind.create({}).options)).toEqual(Object.keys(kind.options));
  }
});

test("an optimizer's name and options are what it is read from", () => {
  const given = { name: "rmsprop_tf", epsilon: "0.001", weightDecay: 4e-5, centered: "true" };
  const { name, options, slots } = optimizerOf(given);
  const record: unknown = JSON.parse(JSON.stringify({ name, ...options }));
  expect(record).toEqual({
    name: "rmsprop_tf",
    decay: 0.9,
    momentum: 0.9,
    epsilon: 0.001,
    learningRateInMomentum: true,
    centered: true,
    weightDecay: 4e-5,
    decoupled: false,
  });
  expect(optimizerOf(record).slots).toEqual(slots);
});

test("TensorFlow's mean square starts at 1, kept over 1 − decay", () => {
  expect(rmspropTf({ decay: 0.75 }).slots).toEqual([
    { name: "square_sum", initial: 4 },
    { name: "momentum", initial: 0 },
  ]);
});

test("weight decay holds for kernels alone unless told otherwise, and never for statistics", () => {
  const roles = [
    "conv_kernel",
    "conv_transpose_kernel",
    "linear_kernel",
    "bias",
    "norm_scale",
    "norm_shift",
    "running_mean",
    "running_var",
  ] as const;
  const of = (target?: Parameters<typeof decays>[1]) => roles.filter((role) => decays(role, target));
  expect(of()).toEqual(["conv_kernel", "conv_transpose_kernel", "linear_kernel"]);
  expect(of("kernels_and_biases")).toEqual(["conv_kernel", "conv_transpose_kernel", "linear_kernel", "bias"]);
  expect(of("all")).toEqual(["conv_kernel", "conv_transpose_kernel", "linear_kernel", "bias", "norm_scale", "norm_shift"]);
});

test("an update with the wrong number of slots is refused", () => {
  const b = new GraphBuilder("update");
  const [vector, scalar] = [b.input("x", [2]), b.input("s", [])];
  const site = { parameter: vector, gradient: vector, slots: [vector], learningRate: scalar, step: scalar };
  expect(() => adamw().update(b, "update", site)).toThrow('Cannot update "update" with adamw: got 1 slots, expected 2');
});

const NAMES = "adadelta, adagrad, adam, adamw, rmsprop, rmsprop_tf, sgd";

test.each([
  [{ name: "adm" }, `Cannot find optimizer "adm": expected one of ${NAMES}`],
  [{}, `Cannot find optimizer undefined: expected one of ${NAMES}`],
  [{ name: "toString" }, `Cannot find optimizer "toString": expected one of ${NAMES}`],
  [null, `Cannot read optimizer null: expected a record with a name, one of ${NAMES}`],
  [{ name: "sgd", lr: 0.1 }, 'Cannot set option "lr" of sgd: expected one of momentum, dampening, nesterov, weightDecay, decoupled'],
  [{ name: "sgd", momentum: 1 }, "Cannot set option momentum of sgd to 1: expected a number in [0, 1)"],
  [{ name: "sgd", nesterov: "yes" }, 'Cannot set option nesterov of sgd to "yes": expected true or false'],
  [{ name: "adam", epsilon: 0 }, "Cannot set option epsilon of adam to 0: expected a number from 1e-16 to 10,000"],
  [{ name: "adam", beta1: Number.NaN }, "Cannot set option beta1 of adam to NaN: expected a number in [0, 1)"],
  [
    { name: "sgd", nesterov: true },
    "Cannot set option nesterov of sgd to true: expected momentum above 0 and dampening 0 with it, got momentum 0 and dampening 0",
  ],
])("%j is refused", (record, message) => {
  expect(() => optimizerOf(record)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
});

test("options given in code are checked as well", () => {
  expect(() => sgd({ momentum: -1 })).toThrow("Cannot set option momentum of sgd to -1: expected a number in [0, 1)");
});

test("any record is an optimizer that builds, or is refused", () => {
  const value = fc.oneof(fc.double(), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), fc.constant(undefined));
  const known = fc
    .constantFrom(...Object.entries(OPTIMIZERS))
    .chain(([name, kind]) =>
      fc.record(Object.fromEntries(Object.keys(kind.options).map((option) => [option, value]))).map((options) => ({ name, ...options })),
    );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), known), (given) => {
      try {
        const optimizer = optimizerOf(given);
        const b = new GraphBuilder("update");
        const [vector, scalar] = [b.input("x", [2]), b.input("s", [])];
        const slots = optimizer.slots.map(() => vector);
        const updated = optimizer.update(b, "update", { parameter: vector, gradient: vector, slots, learningRate: scalar, step: scalar });
        for (const { type } of [updated.parameter, ...updated.slots]) expect(type.shape).toEqual([2]);
      } catch (error) {
        if (!(error instanceof InceptionError && error.code === "OPTION_INVALID")) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
