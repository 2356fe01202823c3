import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"lpNormalizationGradient">[] = [
  { name: "embeddings", inputs: shapes(["N", 7], ["N", 7]), attributes: { axis: 1, p: 2, epsilon: 1e-12 } },
  { name: "channels of maps", inputs: shapes(["N", 3, 2, 5], ["N", 3, 2, 5]), attributes: { axis: 1, p: 2, epsilon: 1e-12 } },
  { name: "vectors shorter than epsilon", inputs: shapes(["N", 3], ["N", 3]), attributes: { axis: 1, p: 2, epsilon: 10 } },
];
