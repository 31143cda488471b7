"""The text format of Prometheus: written by ``prometheus-client`` if it is installed, otherwise here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Family", "text_of"]

_SUFFIX: Final = "_total"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@attrs.frozen
class Family:
    """A family of samples.

    Attributes:
        name: the common name of all samples; that of a counter ends with ``_total``.
        kind: ``counter``, ``gauge`` or ``histogram``.
        what: a sentence that describes them.
        samples: the suffix of the name, the labels and the value of each sample.
    """

    name: str
    kind: str
    what: str
    samples: list[tuple[str, dict[str, str], float]] = attrs.field(factory=list)

    def add(self, value: float, suffix: str = "", /, **labels: str) -> None:
        """Adds a sample."""
        self.samples.append((suffix, labels, value))

    def lines(self) -> Iterable[str]:
        """Yields the lines of the family in the text format."""
        yield f"# HELP {self.name} {self.what}"
        yield f"# TYPE {self.name} {self.kind}"
        for suffix, labels, value in self.samples:
            told = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in sorted(labels.items()))
            yield f"{self.name}{suffix}{{{told}}} {float(value)!r}"


def text_of(families: Sequence[Family], *, whole: bool) -> bytes:
    """Returns these families as text.

    Args:
        families: the samples.
        whole: whether to include the metrics that drivers and other libraries of this process register with
        ``prometheus-client``.
    """
    try:
        from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
    except ImportError:
        return "".join(f"{line}\n" for family in families for line in family.lines()).encode()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(families))
    text: bytes = generate_latest(registry)
    return text + generate_latest(REGISTRY) if whole else text


class _Told:
    """A collector of ``prometheus-client`` for families."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        from prometheus_client import Metric

        for family in self._families:
            metric = Metric(family.name.removesuffix(_SUFFIX), family.what, family.kind)
            total = _SUFFIX if family.name.endswith(_SUFFIX) else ""
            for suffix, labels, value in family.samples:
                metric.add_sample(f"{metric.name}{total}{suffix}", labels, value)
            yield metric
