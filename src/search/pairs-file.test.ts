import { expect, test } from "vitest";
import { parsePairs } from "./pairs-file.js";

const LFW = `2\t2
Abel_Pacheco\t1\t4
Akhmed_Zakayev\t1\t3
Abdel_Madi_Shabneh\t1\tDean_Barker\t1
Abdel_Madi_Shabneh\t1\tGiancarlo_Fisichella\t12
Alejandro_Lerner\t1\t3
Aldo_Paredes\t1\t2
Yuri\t1\tZoe\t2
Zoe\t1\tYuri\t3
`;

test("LFW's format has folds of same and of different pairs", () => {
  const pairs = parsePairs(LFW, "pairs.txt");
  expect(pairs).toHaveLength(8);
  expect(pairs[0]).toEqual({ first: "Abel_Pacheco/Abel_Pacheco_0001", second: "Abel_Pacheco/Abel_Pacheco_0004", same: true, fold: 0 });
  expect(pairs[3]?.second).toBe("Giancarlo_Fisichella/Giancarlo_Fisichella_0012");
  expect(pairs.map(({ same, fold }) => `${fold}${same ? "s" : "d"}`)).toEqual(["0s", "0s", "0d", "0d", "1s", "1s", "1d", "1d"]);
});

test("CSV without folds is split into ten, each kind in its order", () => {
  const rows = Array.from({ length: 40 }, (_, index) => `a${index}.png,"b,${index}.png",${index % 2 === 0 ? "1" : "no"}`);
  const pairs = parsePairs(["first,second,same", ...rows].join("\r\n"), "pairs.csv");
  expect(pairs[1]).toEqual({ first: "a1.png", second: "b,1.png", same: false, fold: 0 });
  for (let fold = 0; fold < 10; fold++) {
    const own = pairs.filter((pair) => pair.fold === fold);
    expect([own.filter(({ same }) => same).length, own.filter(({ same }) => !same).length]).toEqual([2, 2]);
  }
});

test("CSV may have folds", () => {
  const pairs = parsePairs("fold,same,first,second\n3,true,a,b\n4,0,c,d\n", "pairs.csv");
  expect(pairs.map(({ fold }) => fold)).toEqual([3, 4]);
});

test.each([
  ["10 300\nA\t1\t2\n", "line 3: the list ends after 1 pairs, the first line says 6000"],
  ["1 1\nA 1 2\nA 1 B 2\nA 1 B 2\n", "line 4: more than the 2 pairs of the first line"],
  ["1 1\nA 1 B 2\n", 'line 2: "A 1 B 2", expected NAME N M for a same pair'],
  ["1 1\n../A 1 2\n", 'line 2: "../A 1 2", expected names without directories'],
  ["9999999 9999999\n", "line 1: 9999999 folds of 9999999 pairs, expected 1 to 1000 folds and at most 10000000 pairs"],
  [
    "a,b\n",
    'line 1: the header is "a,b", expected the columns first, second, same and optionally fold, or a first line as LFW has it (10 300)'.replace(
      "a,b",
      "a, b",
    ),
  ],
  ["first,second,same\na,b,perhaps\n", 'line 2: same is "perhaps", expected 1, 0, true, false, yes or no'],
  ["first,second,same\na,,1\n", "line 2: an image has no name"],
])("%j is rejected", (text, fact) => {
  expect(() => parsePairs(text, "pairs.txt")).toThrow(
    expect.objectContaining({ code: "DATASET_INVALID", message: `Cannot read the pairs "pairs.txt": ${fact}` }),
  );
});
