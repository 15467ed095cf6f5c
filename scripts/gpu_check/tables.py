"""Formats results as text."""

COLUMNS = ["asap highest", "asap high", "asap medium", "eager", "compiled", "bf16"]
# The peer's column and ours at the same precision, for the speedup.
RATIOS = [("eager", "asap high"), ("compiled", "asap high"), ("bf16", "asap medium")]
# Roofline rows per network, slowest first; the JSON has all.
MOST_OPS = 12


def table(head, rows):
    """Aligns columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths)))
        for row in [head, *rows]
    ]
    return "\n".join(lines) + "\n"


def times(bench, peers):
    """Formats asap's and PyTorch's median milliseconds, their ratios, and memory."""
    cells, memory = {}, {}
    for line in bench + peers:
        if "error" in line:
            continue
        column = line.get("label") or f"asap {line['precision']}"
        key = (line["preset"], line["mode"])
        cells.setdefault(key, {})[column] = line["median_s"]
        memory.setdefault(key, {})[column] = line.get("peak_device_bytes")
    if not cells:
        return "no times were measured\n"
    head = [
        "median ms, batch 1",
        *COLUMNS,
        *(f"{peer}/{own.split()[1]}" for peer, own in RATIOS),
        "GB asap",
        "GB eager",
    ]
    rows = []
    for (preset, mode), row in sorted(cells.items(), key=lambda item: item[0][1]):
        milliseconds = [f"{1e3 * row[c]:.3f}" if c in row else "-" for c in COLUMNS]
        ratios = [f"{row[peer] / row[own]:.2f}" if peer in row and own in row else "-" for peer, own in RATIOS]
        peaks = [memory[preset, mode].get(c) for c in ("asap high", "eager")]
        rows.append([f"{preset} {mode}", *milliseconds, *ratios, *(f"{p / 1e9:.2f}" if p else "-" for p in peaks)])
    return table(head, rows) + "ratios are PyTorch's time divided by asap's at the same precision: above 1, asap is faster\n"


def roofline(lines):
    """Formats the slowest ops, with their share of the ceiling that bounds them."""
    text, networks, totals = "", {}, {}
    for line in lines:
        if "op" not in line:
            text += (
                f"ceilings at {line['precision']}: {line['bandwidth_gb_per_s']:.0f} GB/s, "
                f"{line['peak_gflop_per_s']:.0f} GFLOP/s\n"
            )
            continue
        network = (line["preset"], line["mode"], line["precision"])
        if line["op"] == "total":
            totals[network] = line
        else:
            networks.setdefault(network, []).append(line)
    for (preset, mode, precision), ops in networks.items():
        total = totals.get((preset, mode, precision))
        # Keep the table short; the JSON file has the rest.
        if precision != "high" or not total:
            continue
        rows = [
            [
                f"{op['op']} {(op['layers'] or ['-'])[0]}",
                str(op["count"]),
                f"{op['bytes'] / 1e6:.1f}",
                f"{op['operations'] / 1e9:.2f}",
                f"{1e3 * op['seconds']:.3f}",
                f"{op['gb_per_s']:.0f}",
                f"{op['gflop_per_s']:.0f}",
                op["bound"],
                f"{100 * op['share']:.0f}%",
            ]
            for op in ops[:MOST_OPS]
        ]
        head = [f"{preset} {mode}, {precision}", "runs", "MB", "GFLOP", "ms", "GB/s", "GFLOP/s", "bound", "share"]
        text += (
            "\n"
            + table(head, rows)
            + (
                f"total {1e3 * total['seconds']:.3f} ms with each op synchronized, "
                f"{1e3 * total['whole_seconds']:.3f} ms without\n"
            )
        )
    return text


def steps(results):
    """Formats one line per step."""
    rows = [
        [name, result["status"], f"{result['seconds']:.0f}", result["why"] or ""] for name, result in results.items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "".join(
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}} s  {row[3]}".rstrip() + "\n"
        for row in rows
    )
