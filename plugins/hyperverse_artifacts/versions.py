"""``hyperverse artifacts``: published versions and their content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from hyperverse_core.commands import common, options, talk

from .commands import counted, in_bytes, print_json, progress

if TYPE_CHECKING:
    from hyperverse_core import Client

    from .reading import File

__all__ = ["artifacts"]


@click.group()
@common
def artifacts() -> None:
    """List, get and remove published versions, and exchange them with other registries."""


@artifacts.command()
@click.argument("point", required=False)
@common
def ls(point: str | None) -> None:
    """List the versions at and below POINT, or the files of one version."""
    from hyperverse_core import Point

    from .reading import bundles_below, files_of

    at = None if point is None else Point.parse(point)

    async def look(client: Client) -> list[tuple[str, list[File]]]:
        return [(bundle, await files_of(client, bundle)) async for bundle in bundles_below(client, at)]

    found = talk(look)
    if options().json:
        for bundle, files in found:
            print_json({"point": bundle, "files": [attrs.asdict(file) for file in files]})
    elif len(found) == 1 and found[0][0] == point:
        for file in found[0][1]:
            click.echo(f"{file.path}  {in_bytes(file.size)}  {file.digest[:19]}  {file.type}")
    else:
        for bundle, files in found:
            click.echo(f"{bundle}  {counted(len(files), 'file')}, {in_bytes(sum(file.size for file in files))}")
        if not found:
            click.echo(f"no version is published{'' if point is None else f' at or below {point}'}", err=True)


@artifacts.command()
@click.argument("point")
@click.argument("target", type=click.Path(path_type=Path))
@common
def get(point: str, target: Path) -> None:
    """Write a published file to TARGET, or all files of a version into the folder TARGET."""
    from hyperverse_core import Point
    from hyperverse_core.blobs import read_content

    from .reading import files_of, read_file, write_whole

    at = Point.parse(point)

    async def fetch(client: Client) -> int:
        if at.is_artifact:
            write_whole(target, await read_content(client, at))
            return 1
        files = await files_of(client, at.text)
        with progress(sum(file.size for file in files), "getting") as bar:
            for file in files:
                write_whole(target / file.path, await read_file(client, at.text, file))
                bar.update(file.size)
        return len(files)

    number = talk(fetch)
    if options().json:
        print_json({"point": point, "to": str(target), "files": number})
    elif not options().quiet:
        click.echo(f"got: {point} ({counted(number, 'file')}) in {target}")


@artifacts.command()
@click.argument("point")
@common
def rm(point: str) -> None:
    """Remove the version POINT. Its content stays until `hyperverse artifacts gc`."""

    async def remove(client: Client) -> int:
        return len(await client.delete(f"{point}<Bundle>"))

    number = talk(remove)
    if options().json:
        print_json({"point": point, "deleted": number})
    elif not options().quiet:
        click.echo(f"removed: {point} ({counted(number, 'particle')})")


@artifacts.command()
@click.option("--dry-run", is_flag=True, help="List what would be removed, and remove nothing.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=3600.0,
    help="Seconds for which unused content is kept (3600).",
)
@common
def gc(dry_run: bool, older_than: float) -> None:
    """Remove content that no version uses any more, on all machines. Only the hyperuser may do this."""
    from .collecting import collect

    removed = talk(lambda client: collect(client, older_than=older_than, dry_run=dry_run))
    if options().json:
        print_json({"machines": removed, "dry_run": dry_run})
        return
    for machine, rows in removed.items():
        size = sum(row["size"] for row in rows)
        what = "to remove" if dry_run else "removed"
        click.echo(f"{machine}: {what}: {counted(len(rows), 'content')}, {in_bytes(size)}")


@artifacts.command()
@click.argument("point")
@click.option("--oci", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the image layout.")
@common
def export(point: str, folder: Path) -> None:
    """Write the version POINT as an OCI image layout, which tools for other registries can push."""
    from .exporting import export_oci

    digest = talk(lambda client: export_oci(client, point, folder))
    _told("exported", {"point": point, "to": str(folder), "digest": digest}, f"{point} to {folder} ({digest})")


@artifacts.command("import")
@click.argument("point")
@click.option("--oci", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the image layout.")
@click.option("--tag", default="", help="Image to import, if the layout has several.")
@common
def import_(point: str, folder: Path, tag: str) -> None:
    """Publish an OCI image layout as the version POINT."""
    from hyperverse_core import Point

    from .oci import sources_in
    from .publishing import publish

    sources = sources_in(folder, tag)
    with progress(sum(source.size for source in sources)) as bar:
        talk(lambda client: publish(client, sources, Point.parse(point), bar.update))
    _told("imported", {"point": point, "from": str(folder), "files": len(sources)}, f"{folder} as {point}")


def _told(done: str, said: dict[str, Any], text: str) -> None:
    if options().json:
        print_json(said)
    elif not options().quiet:
        click.echo(f"{done}: {text}")
