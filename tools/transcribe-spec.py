#!/usr/bin/env python3
"""Transcribes the drawn Inception-ResNets into the json files that the model tests read.

    python3 tools/transcribe-spec.py SPEC_FOLDER [OUT_FOLDER]

SPEC_FOLDER holds the documents 001*.txt (Inception-ResNet-v2) and 002*.txt (Inception-ResNet-v1): prose and page code
around mermaid graphs, one for the whole network and one for every block. OUT_FOLDER is test/goldens/spec by default.
The documents themselves are not part of the project; this script shows how the json came from them.

Labels and edges are kept as drawn, mistakes included. Where docs/errata.md decides what a drawing means, the node or
edge carries a `resolution` that names the erratum. Afterwards the script recomputes every shape from the labels and
fails unless exactly the known mistakes disagree.
"""

import json
import re
import sys
from pathlib import Path

DOCUMENTS = {"001": "inception_resnet_v2", "002": "inception_resnet_v1"}

# A statement is `id["label"]` or `from --> |"shape"| to`; quotes and the closing semicolon are sometimes missing.
STATEMENT = re.compile(
    r"(?P<source>\w+)\s*-->\s*\|\s*(?P<quote>\"?)(?P<shape>[\d*]+)\"?\s*\|\s*(?P<target>\w+)\s*(?P<edge_end>;?)"
    r"|(?P<id>\w+)\[(?:\"(?P<label>[^\"\n]*)\"|(?P<bare_label>[^\"\]\n]*))\]\s*(?P<node_end>;?)"
)
GRAPH = re.compile(r"graph\s+TD;(?P<body>.*?)(?=</div>|\n\s*\n|\n\s*•|\Z)", re.DOTALL)
# The heading of a block is a list item: "- Stem" on the page of v2, a bullet in the text of v1.
HEADING = re.compile(r"^\s*[-•]\s+(?P<name>Stem|Inception-ResNet-[ABC]|Reduction [AB])\s*$", re.MULTILINE)

# A node of the overall graph that stands for a block; no label law applies to it.
BLOCK = re.compile(r"^Stem$|Inception-ResNet-[ABC]$|^Reduction-[AB]$")
# The mistakes that are known, and that the check at the end must find in the literal drawing.
KNOWN_MISTAKES = {"001": ["Stem/pool4", "overall/dropout"], "002": []}

# What docs/errata.md decides, by document, graph and node id.
NODE_RESOLUTIONS = {
    ("001", "Stem", "pool4"): {"erratum": 1, "label": "MaxPool k=3 s=2", "note": "p=2 is a misprint of s=2"},
    ("001", "Stem", "concat4"): {"erratum": 11, "concat": ["pool4", "conv4"]},
    ("001", "Stem", "concat5"): {"erratum": 11, "concat": ["conv5_3x3_a", "conv5_3x3_b"]},
    ("001", "Stem", "concat6"): {"erratum": 11, "concat": ["conv6", "pool6"]},
    ("002", "Stem", "conv4"): {
        "erratum": 7,
        "note": "kept as drawn; stemDownsample 'maxpool' puts a max pool k=3 s=2 of the same shape here",
    },
}
for _document in DOCUMENTS:
    NODE_RESOLUTIONS |= {
        (_document, "overall", "pool"): {"erratum": 14, "note": "global average pool; 8x8 is the whole map at 299x299"},
        (_document, "Inception-ResNet-A", "concat"): {"erratum": 11, "concat": ["conv_1x1", "conv_3x3_a", "conv_3x3_b2"]},
        (_document, "Inception-ResNet-B", "concat"): {"erratum": 11, "concat": ["conv_1x1", "conv_7x1"]},
        (_document, "Inception-ResNet-C", "concat"): {"erratum": 11, "concat": ["conv_1x1", "conv_3x1"]},
        (_document, "Reduction-A", "concat"): {"erratum": 11, "concat": ["conv_3x3_a", "conv_3x3_b2", "pool"]},
        (_document, "Reduction-B", "concat"): {"erratum": 11, "concat": ["conv_3x3_a", "conv_3x3_b2", "conv_3x3_c", "pool"]},
    }
    for _block in "ABC":
        NODE_RESOLUTIONS[_document, f"Inception-ResNet-{_block}", "sum"] = {
            "erratum": 4,
            "note": "residualScale 1 is the plain sum that is drawn",
        }
EDGE_RESOLUTIONS = {
    ("001", "overall", "pool", "classifier"): {
        "erratum": 2,
        "from": "dropout",
        "note": "as drawn nothing reads dropout; pool, dropout and classifier are in series",
    },
}
# What holds for every node of a document, so that it is said once.
CONVENTIONS = [
    {"erratum": 3, "note": "BN ReLU after sums and after the concat of a reduction, as drawn: normPlacement 'sum'"},
    {"erratum": 5, "note": "a convolution has a bias unless a BN follows it directly"},
    {"erratum": 6, "note": "BN in the stem is placed as each document draws it"},
    {"erratum": 9, "note": "a label without p has padding 0, one without s has stride 1"},
    {"erratum": 10, "note": "brackets are [height, width]"},
]


def shape_of(label):
    """The numbers of an arrow: "384*35*35" is [384, 35, 35]."""
    return [int(part) for part in label.split("*")]


def transcribe_graph(document, heading, body):
    """One mermaid graph; `heading` is the list item above it."""
    name = heading.replace("Reduction ", "Reduction-")
    nodes, edges = [], []
    rest = STATEMENT.sub("", body).strip()
    if rest:
        raise SystemExit(f"Cannot read graph {name} of document {document}: {rest[:80]!r} is neither a node nor an edge")
    for match in STATEMENT.finditer(body):
        noise = []
        if match["id"]:
            item = {"id": match["id"], "label": match["label"] or match["bare_label"]}
            resolution = NODE_RESOLUTIONS.get((document, name, match["id"]))
            if not match["node_end"]:
                noise.append("no semicolon after this node")
            if not match["label"]:
                noise.append("no quotes around this label")
            nodes.append(item)
        else:
            item = {"from": match["source"], "to": match["target"], "label": match["shape"], "shape": shape_of(match["shape"])}
            resolution = EDGE_RESOLUTIONS.get((document, name, match["source"], match["target"]))
            if not match["edge_end"]:
                noise.append("no semicolon after this edge")
            if not match["quote"]:
                noise.append("no quotes around this label")
            edges.append(item)
        if resolution:
            item["resolution"] = resolution
        if noise:
            item["noise"] = {"erratum": 8, "note": "; ".join(noise)}
    known = {node["id"] for node in nodes}
    for edge in edges:
        for end in ("from", "to"):
            if edge[end] not in known:
                raise SystemExit(f"Cannot read graph {name} of document {document}: edge names the unknown node {edge[end]!r}")
    return {"name": name, "heading": heading, "nodes": nodes, "edges": edges}


def transcribe(document, text):
    """A whole document: every graph under the last heading before it; the one before all headings is the whole network."""
    headings = [(match.start(), match["name"]) for match in HEADING.finditer(text)]
    graphs = []
    for match in GRAPH.finditer(text):
        before = [name for start, name in headings if start < match.start()]
        graphs.append(transcribe_graph(document, before[-1] if before else "overall", match["body"]))
    items = [item for graph in graphs for item in (*graph["nodes"], *graph["edges"])]
    used = sum("resolution" in item for item in items)
    wanted = sum(key[0] == document for key in (*NODE_RESOLUTIONS, *EDGE_RESOLUTIONS))
    if used != wanted:
        raise SystemExit(f"Document {document} uses {used} of its {wanted} resolutions: one names a node that is not drawn")
    return {
        "document": document,
        "title": text.strip().splitlines()[0].lstrip("# ").strip(),
        "model": f"{DOCUMENTS[document]}.spec",
        "conventions": CONVENTIONS,
        "graphs": graphs,
    }


def pair(text):
    """A number stands for both axes: "3" is [3, 3], "[1,7]" is [1, 7]."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return numbers if len(numbers) == 2 else numbers * 2


def layer(label):
    """Kernel, stride and padding of a drawn label, each [height, width]."""
    settings = dict(re.findall(r"\b([ksp])=(\[\d+,\d+\]|\d+)", label))
    return pair(settings.get("k", "1")), pair(settings.get("s", "1")), pair(settings.get("p", "0"))


def expected_shape(label, inputs):
    """The shape that a label gives for its input shapes; a convolution's channels are only written on its edge (None)."""
    first = inputs[0]
    if label == "DepthConcat":
        return [sum(shape[0] for shape in inputs), *first[1:]]
    if label.startswith(("Conv", "MaxPool")):
        kernel, stride, padding = layer(label)
        size = [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(first[1:], kernel, stride, padding)]
        return [None if label.startswith("Conv") else first[0], *size]
    if label.startswith("AvgPool"):
        return [first[0]]
    if label.startswith(("BN", "Sum", "Dropout")):
        return first if all(shape == first for shape in inputs) else None
    return None


def disagreements(graph, resolved):
    """Every node whose drawn output shape is not what its label gives, and every node that nothing reads."""
    found = []
    for node in graph["nodes"]:
        place = f"{graph['name']}/{node['id']}"
        decided = node.get("resolution", {}) if resolved else {}
        label = decided.get("label", node["label"])
        inputs = [edge["shape"] for edge in graph["edges"] if edge["to"] == node["id"]]
        outputs = [edge["shape"] for edge in graph["edges"] if source_of(edge, resolved) == node["id"]]
        if not outputs and node["id"] not in ("output", "classifier"):
            found.append(f"{place}: nothing reads it")
        sources = [edge["from"] for edge in graph["edges"] if edge["to"] == node["id"]]
        if sorted(decided.get("concat", sources)) != sorted(sources):
            found.append(f"{place}: resolution lists {decided['concat']}, drawn {sources}")
        if any(shape != outputs[0] for shape in outputs):
            found.append(f"{place}: its edges disagree")
        if not inputs or not outputs or BLOCK.search(label):
            continue
        expected = expected_shape(label, inputs)
        if expected is None or any(want not in (None, got) for want, got in zip(expected, outputs[0], strict=True)):
            found.append(f"{place}: {label} gives {expected}, drawn {outputs[0]}")
    return found


def source_of(edge, resolved):
    """Where an edge starts, as drawn or as the errata correct it."""
    return edge.get("resolution", {}).get("from", edge["from"]) if resolved else edge["from"]


def to_json(transcription):
    """One line for every node and edge, so that a change shows as one line."""
    graphs = []
    for graph in transcription["graphs"]:
        parts = [f'    {{\n      "name": {json.dumps(graph["name"])},\n      "heading": {json.dumps(graph["heading"])}']
        for kind in ("nodes", "edges"):
            lines = ",\n".join(f"        {json.dumps(item, ensure_ascii=False)}" for item in graph[kind])
            parts.append(f'      "{kind}": [\n{lines}\n      ]')
        graphs.append(",\n".join(parts) + "\n    }")
    head = json.dumps({key: value for key, value in transcription.items() if key != "graphs"}, indent=2, ensure_ascii=False)
    return head.removesuffix("\n}") + ',\n  "graphs": [\n' + ",\n".join(graphs) + "\n  ]\n}\n"


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit("Usage: python3 tools/transcribe-spec.py SPEC_FOLDER [OUT_FOLDER]")
    spec = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent.parent / "test/goldens/spec"
    out.mkdir(parents=True, exist_ok=True)
    for document, name in DOCUMENTS.items():
        files = sorted(spec.glob(f"{document}*.txt"))
        if len(files) != 1:
            raise SystemExit(f"Cannot find document {document}: {spec} has {len(files)} files named {document}*.txt, expected 1")
        transcription = transcribe(document, files[0].read_text(encoding="utf-8"))
        drawn = [line for graph in transcription["graphs"] for line in disagreements(graph, resolved=False)]
        left = [line for graph in transcription["graphs"] for line in disagreements(graph, resolved=True)]
        if sorted(line.split(":")[0] for line in drawn) != KNOWN_MISTAKES[document] or left:
            raise SystemExit(f"Document {document} disagrees with itself beyond the known errata: {drawn + left}")
        (out / f"{name}.json").write_text(to_json(transcription), encoding="utf-8")
        counts = ", ".join(f"{graph['name']} {len(graph['edges'])}" for graph in transcription["graphs"])
        total = sum(len(graph["edges"]) for graph in transcription["graphs"])
        print(f"{document} {name}: {total} edges ({counts}); known errata found: {drawn or 'none'}")


if __name__ == "__main__":
    main()
