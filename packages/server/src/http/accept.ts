/** Which of the types that a route can answer in a client wants. RFC 9110, section 12.5.1. */
import { RequestError } from "./problem.js";

interface Range {
  readonly type: string;
  readonly quality: number;
}

/**
 * @param types - what the route has; the first is for clients that do not say
 * @throws RequestError 406
 */
export function acceptedType<const T extends string>(accept: string | undefined, types: readonly [T, ...T[]]): T {
  if (accept === undefined || accept.trim() === "") return types[0];
  const ranges = accept.split(",").map(rangeOf);
  const qualities = types.map((type) => ({ type, quality: qualityOf(type, ranges) }));
  const best = qualities.reduce((most, each) => (each.quality > most.quality ? each : most));
  if (best.quality > 0) return best.type;
  throw new RequestError(406, "NOT_ACCEPTABLE", `Cannot answer in the accepted types: this route has ${types.join(", ")}`);
}

function rangeOf(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const value = quality === undefined ? 1 : Number(quality);
  return { type, quality: value >= 0 && value <= 1 ? value : 0 };
}

/** The most specific range that matches decides. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const [group] = type.split("/");
  for (const pattern of [type, `${group}/*`, "*/*"]) {
    const found = ranges.find((range) => range.type === pattern);
    if (found !== undefined) return found.quality;
  }
  return 0;
}
