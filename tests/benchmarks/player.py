"""The player on a 64×64 input, 3×3, stride 1: bytes, server time, frames a second.

python -m tests.benchmarks.player [--seconds 8]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np

from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec
from core.layer.sweep import Sweep
from tests.benchmarks.harness import APP, fresh_page, launched, serving
from viz.choices import board as choices_board

BOARD = BoardSpec(layer=LayerSpec(), source=InputSpec(size=(64, 64)))
QUERY = "?input_height=64&input_width=64&stride=1&padding=0&speed=120&step=0"
PLAYER = '[data-testid="sweep-player"]'


def plotly_bytes(sweep: Sweep) -> int:
    """The same sweep as Plotly animates it: a frame a step, each with both pictures."""
    import plotly.graph_objects as go

    output = np.full(sweep.output.shape[1:], np.nan, dtype=np.float32)
    frames = []
    for row, column in np.ndindex(*output.shape):
        output[row, column] = sweep.output[0, row, column]
        seen = sweep.input[0].copy()
        seen[row : row + 3, column : column + 3] += 256  # the window, lit
        frames.append(go.Frame(data=[go.Heatmap(z=seen), go.Heatmap(z=output.copy())]))
    return len(go.Figure(data=frames[0].data, frames=frames).to_json())


def build_times(repeats: int = 30) -> tuple[float, float]:
    """Median seconds of torch's run with its taps, and of the payload made from it."""
    running, packing = [], []
    for seed in range(repeats):  # a board of its own each time: nothing cached
        board = replace(BOARD, source=InputSpec("random", (64, 64), seed=seed))
        started = perf_counter()
        choices_board.sweep(board)
        swept = perf_counter()
        choices_board.player_data(board)
        running.append(swept - started)
        packing.append(perf_counter() - swept)
    return median(running), median(packing)


def playing(seconds: float) -> tuple[float, float, float]:
    """Frames and steps a second of the playing board, and the display's own frames a second."""
    with launched() as browser, fresh_page(browser) as page, serving(APP) as server:
        page.goto(server.url + "/" + QUERY)
        player = page.locator(f"{PLAYER}[data-ready=true]")
        player.wait_for()
        page.wait_for_timeout(1500)
        display = page.evaluate(
            """() => new Promise(done => { let n = 0; const from = performance.now();
                 const tick = now => { n++; now - from < 2000 ? requestAnimationFrame(tick)
                   : done(1000 * n / (now - from)); }; requestAnimationFrame(tick); })"""
        )
        player.locator(".stage").focus()
        page.keyboard.press("Space")
        before, started = json.loads(player.get_attribute("data-state") or "{}"), perf_counter()
        page.wait_for_timeout(seconds * 1000)
        after = json.loads(player.get_attribute("data-state") or "{}")
        spent = perf_counter() - started
    return (
        (after["frames"] - before["frames"]) / spent,
        (after["step"] - before["step"]) / spent,
        display,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    ours = len(json.dumps(choices_board.player_data(BOARD)))
    plotly = plotly_bytes(choices_board.sweep(BOARD))
    print(f"bytes: player {ours:,}, Plotly frames {plotly:,}, ratio {plotly / ours:,.0f}")
    running, packing = build_times()
    print(f"server: torch {running * 1e3:.2f} ms, payload {packing * 1e3:.2f} ms after it")
    frames, steps, display = playing(options.seconds)
    print(f"playing: {frames:.1f} frames/s of {display:.1f}, {steps:.1f} steps/s of 120")


if __name__ == "__main__":
    main()
