"""``hyperverse upgrade``: changes a Mechtron to another version, and back."""

from __future__ import annotations

import json

import click

from hyperverse_core.commands import common, options, talk

__all__ = ["upgrade"]


@click.command()
@click.argument("point")
@click.argument("version", required=False, default="")
@click.option("--back", is_flag=True, help="Go back to the version before the last upgrade.")
@click.option("--force", is_flag=True, help="Upgrade even if the other version breaks what this one offers.")
@common
def upgrade(point: str, version: str, back: bool, force: bool) -> None:
    """Change the Mechtron POINT to another VERSION of itself, keeping its state.

    VERSION is a version of the same series, such as 1.1.0, or the point of a bundle or of a document. Without VERSION,
    show the current one.
    """
    answer = talk(lambda client: client.upgrade(point, version, back=back, force=force))
    if options().json:
        click.echo(json.dumps(dict(answer)))
        return
    for each in answer["broken"]:
        click.echo(f"warning: {each}", err=True)
    if options().quiet:
        return
    changed = "" if not (version or back) else "upgraded to " if not back else "back at "
    before = f" (before: {answer['before']})" if answer["before"] else ""
    click.echo(f"{point}: {changed}{answer['config']}{before}")
