import { InceptionError } from "../../errors.js";
import { quoted } from "../quoted.js";
import { type AttributeRule, INFERENCE_OPS, isInferenceOp, OPSETS, type Schema, schemaOf } from "./schemas.js";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode } from "./types.js";

/** Every node of a graph and of the graphs in its attributes, with the place that messages call it by. */
export function* allNodes(graph: OnnxGraph, place = "graph"): Generator<{ readonly node: OnnxNode; readonly place: string }> {
  for (const [index, node] of graph.nodes.entries()) {
    const nodePlace = `${place}.node[${index}]`;
    yield { node, place: nodePlace };
    for (const [at, attribute] of node.attributes.entries()) {
      const attributePlace = `${nodePlace}.attribute[${at}]`;
      if (attribute.type === "graph") yield* allNodes(attribute.value, `${attributePlace}.g`);
      if (attribute.type !== "graphs") continue;
      for (const [inner, value] of attribute.value.entries()) yield* allNodes(value, `${attributePlace}.graphs[${inner}]`);
    }
  }
}

/** The operator of a node: `Conv` for ONNX's own, `com.microsoft:FusedConv` for those of other domains. */
export function qualifiedOp(node: OnnxNode): string {
  return isOnnxDomain(node.domain) ? node.opType : `${node.domain}:${node.opType}`;
}

function isOnnxDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

/**
 * Refuses a model before it reaches a runtime, subgraphs included: operators outside a list, and nodes of `SCHEMAS`
 * operators whose inputs, outputs or attributes are not those of the operator set that the model states.
 *
 * @param allowed - operators as `qualifiedOp` names them; default `INFERENCE_OPS`. Of operators without a schema only the
 *   name is checked
 * @param name - how messages name the file; default "model.onnx"
 * @throws InceptionError FILE_UNSAFE naming the first node that is refused; FILE_UNSUPPORTED for an operator set that
 *   ONNX Runtime does not run
 */
export function checkOps(model: OnnxModel, allowed: ReadonlySet<string> = INFERENCE_OPS, name = "model.onnx"): void {
  const opset = opsetOf(model, name);
  const quantized = [...allNodes(model.graph)].some(({ node }) => qualifiedOp(node) === "DequantizeLinear");
  for (const { node, place } of allNodes(model.graph)) {
    const op = qualifiedOp(node);
    const fault = allowed.has(op)
      ? (schemaFault(op, node, opset) ?? crashFault(op, node, quantized))
      : `uses operator ${quoted(op)}, which is not on the list of ${allowed.size} allowed operators`;
    if (fault === null) continue;
    const at = allowed.has(op) ? `${place} (${op})` : place;
    throw new InceptionError("FILE_UNSAFE", `Cannot load ${quoted(name)}: ${at} ${fault}`, { name, place, op });
  }
}

/**
 * The version of ONNX's own operator set that a model states.
 *
 * @throws InceptionError FILE_UNSUPPORTED where it states none, several, or one outside `OPSETS`
 */
export function opsetOf(model: Pick<OnnxModel, "opsets">, name: string): number {
  const versions = model.opsets.filter(({ domain }) => isOnnxDomain(domain)).map(({ version }) => version);
  const [version] = versions;
  if (version !== undefined && versions.length === 1 && version >= OPSETS.least && version <= OPSETS.most) return version;
  const stated = versions.length === 0 ? "no ONNX operator set" : `ONNX operator set ${versions.join(" and ")}`;
  throw new InceptionError(
    "FILE_UNSUPPORTED",
    `Cannot load ${quoted(name)}: it uses ${stated}, expected one from ${OPSETS.least} to ${OPSETS.most}`,
    { name, versions },
  );
}

/** What is wrong with a node by its operator's schema; null where nothing is, or where there is no schema. */
function schemaFault(op: string, node: OnnxNode, opset: number): string | null {
  if (!isInferenceOp(op)) return null;
  const schema = schemaOf(op, opset);
  if (schema === null) return `does not exist in operator set ${opset}`;
  return (
    valuesFault("input", schema.inputs, node.inputs) ??
    valuesFault("output", schema.outputs, node.outputs) ??
    attributesFault(schema, node.attributes, opset)
  );
}

/**
 * What schemas allow, or leave to shape inference, and ONNX Runtime 1.30 ends the process at as it opens the model. Found by
 * `npm run fuzz`.
 *
 * @param quantized - whether the model has a DequantizeLinear
 */
function crashFault(op: string, node: OnnxNode, quantized: boolean): string | null {
  const attribute = (wanted: string): OnnxAttribute | undefined => node.attributes.find(({ name }) => name === wanted);
  if (op === "Split") {
    const stated = attribute("num_outputs");
    if (stated?.type !== "int" || Number(stated.value) === node.outputs.length) return null;
    return `has attribute "num_outputs" ${stated.value}, expected ${node.outputs.length}, its number of outputs`;
  }
  // The optimizer moves a Transpose over a DequantizeLinear, and reads the order of axes that is not there.
  if (op === "Transpose" && quantized && attribute("perm") === undefined)
    return 'has no attribute "perm", which is required in models with DequantizeLinear';
  return null;
}

/** @param names - as in `Schema` */
function valuesFault(kind: "input" | "output", names: string, values: readonly string[]): string | null {
  const slots = names.split(" ").filter((slot) => slot !== "");
  const [least, most] = [
    slots.filter((slot) => !slot.endsWith("?")).length,
    names.endsWith("...") ? Number.POSITIVE_INFINITY : slots.length,
  ];
  if (values.length < least || values.length > most) {
    const expected = least === most ? String(least) : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
    return `has ${values.length} ${kind}s, expected ${expected}`;
  }
  const empty = values.findIndex((value, index) => value === "" && !slots[Math.min(index, slots.length - 1)]?.endsWith("?"));
  return empty === -1 ? null : `has no name for ${kind} ${empty}, which is required`;
}

function attributesFault(schema: Schema, attributes: readonly OnnxAttribute[], opset: number): string | null {
  const seen = new Set<string>();
  for (const attribute of attributes) {
    const name = quoted(attribute.name);
    const rule = Object.hasOwn(schema.attributes, attribute.name) ? schema.attributes[attribute.name] : undefined;
    if (rule === undefined) return `has attribute ${name}, which the operator does not have in operator set ${opset}`;
    if (seen.has(attribute.name)) return `has attribute ${name} twice`;
    seen.add(attribute.name);
    const fault = valueFault(rule, attribute);
    if (fault !== null) return `has attribute ${name} ${fault}`;
  }
  const missing = Object.entries(schema.attributes).find(([name, { required }]) => required && !seen.has(name));
  return missing === undefined ? null : `has no attribute "${missing[0]}"`;
}

function valueFault(rule: AttributeRule, attribute: OnnxAttribute): string | null {
  if (attribute.type !== rule.type) return `of type ${attribute.type}, expected ${rule.type}`;
  if (rule.type === "string" && attribute.type === "string") {
    const known = rule.among.some((value) => value === attribute.value);
    return known ? null : `${quoted(attribute.value)}, expected ${rule.among.join(", ")}`;
  }
  if (attribute.type === "float" || attribute.type === "floats") {
    const values = attribute.type === "float" ? [attribute.value] : attribute.value;
    return values.some(Number.isNaN) ? "NaN, expected a number" : null;
  }
  if (rule.type !== "int" && rule.type !== "ints") return null;
  const values = attribute.type === "int" ? [attribute.value] : attribute.type === "ints" ? attribute.value : [];
  const outside = values.find((value) => Number(value) < rule.least || Number(value) > rule.most);
  if (outside === undefined) return null;
  return `${outside}, expected ${rule.least === rule.most ? rule.least : `an integer from ${rule.least} to ${rule.most}`}`;
}
