import { parseSampleList } from "../../src/data/sample-list.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const LISTS = [
  ["csv", 'path,label,split\na.jpg,daisy,train\n"b,""c"".jpg",rose,val\r\n'],
  ["tsv", "path\tlabel\na.jpg\tdaisy\n"],
  ["jsonl", '{"path":"a.jpg","label":"daisy","split":"test"}\n{"path":"b.jpg","label":7}\n'],
] as const;

export const sampleLists: FuzzTarget = {
  name: "sample-lists",
  share: 5,
  prepare: async () => (draws) => {
    const [format, text] = draws.pick(LISTS);
    const bytes = mutate(new TextEncoder().encode(text), draws);
    return { bytes, run: async () => void parseSampleList(new TextDecoder().decode(bytes), format, "the list") };
  },
};
