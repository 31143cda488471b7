"""What a machine has opened closes in the opposite order, whatever fails or hangs on the way."""

import asyncio

import pytest

from hyperverse_core.errors import Unavailable
from hyperverse_core.fabric.closing import ClosingStack


class Steps:
    def __init__(self) -> None:
        self.taken: list[str] = []

    def of(self, name: str, error: BaseException | None = None):
        async def step() -> None:
            self.taken.append(name)
            if error is not None:
                raise error

        return step


async def test_what_was_opened_last_closes_first() -> None:
    steps, stack = Steps(), ClosingStack()
    stack.close("the registry", steps.of("registry"))
    stack.leave("the particles", steps.of("particles"))
    stack.close("the gateways", steps.of("gateways"))
    await stack.run(grace=5.0)
    assert steps.taken == ["gateways", "particles", "registry"]
    await stack.run(grace=5.0)
    assert steps.taken == ["gateways", "particles", "registry"]


async def test_nothing_is_done_for_others_when_there_is_no_grace() -> None:
    steps, stack = Steps(), ClosingStack()
    stack.close("the registry", steps.of("registry"))
    stack.leave("the particles", steps.of("particles"))
    await stack.run()
    assert steps.taken == ["registry"]


@pytest.mark.parametrize("error", [Unavailable("gone"), OSError("gone"), ValueError("gone"), SystemExit(1)])
async def test_a_step_that_fails_is_named_and_does_not_keep_the_others(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    steps, stack = Steps(), ClosingStack()
    stack.close("the registry", steps.of("registry"))
    stack.leave("the particles", steps.of("particles", error))
    stack.close("the gateways", steps.of("gateways", error))
    await stack.run(grace=5.0)
    assert steps.taken == ["gateways", "particles", "registry"]
    assert "the gateways" in caplog.text
    assert "the particles" in caplog.text


async def test_a_step_that_hangs_is_cut_when_the_grace_is_over(caplog: pytest.LogCaptureFixture) -> None:
    steps, stack = Steps(), ClosingStack()

    async def hangs() -> None:
        await asyncio.Event().wait()

    stack.close("the registry", steps.of("registry"))
    stack.leave("the news", steps.of("news"))
    stack.leave("the particles", hangs)
    await asyncio.wait_for(stack.run(grace=0.1), 2.0)
    assert steps.taken == ["registry"], "for what comes behind it no time is left"
    assert "the particles" in caplog.text


async def test_whoever_stops_waiting_has_the_rest_closed_at_once() -> None:
    steps, stack, begun = Steps(), ClosingStack(), asyncio.Event()

    async def hangs() -> None:
        begun.set()
        await asyncio.Event().wait()

    stack.close("the registry", steps.of("registry"))
    stack.leave("the news", steps.of("news"))
    stack.leave("the particles", hangs)
    task = asyncio.ensure_future(stack.run(grace=60.0))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(task), 2.0)
    assert steps.taken == ["registry"]
