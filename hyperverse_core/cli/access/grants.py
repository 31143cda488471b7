"""``hyperverse grant`` and the other commands about access, as words of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..talk.connection import talk
from ..terminal.explained import explained_lines
from ..terminal.failures import FAILED, Stop
from ..terminal.options import common, options
from ..terminal.output import note, print_json, table
from ..terminal.shown import shown
from .users import point_of

if TYPE_CHECKING:
    from ...client import Client, Result

__all__ = ["access", "chown", "explain", "grant", "grants", "revoke"]

_DRY_RUN = click.option("--dry-run", is_flag=True, help="List whose access would change, and change nothing.")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WHAT on SELECTOR to SELECTOR")
@_DRY_RUN
@common
def grant(words: tuple[str, ...], dry_run: bool) -> None:
    """Grant WHAT on the particles of the first SELECTOR to the agents of the second.

    \b
    hyperverse grant perm +csd-RwX on localhost:app+:** to hyperspace:users:scott
    hyperverse grant perm '&csd-Rwx' on localhost:app to hyperspace:users:scott
    hyperverse grant priv machine:drain on GLOBAL::machine to hyperspace:users:scott
    hyperverse grant super on localhost+:** to hyperspace:users:scott --dry-run

    WHAT is a mask of permissions that adds (+) or restricts (&), a privilege, or super. The letters stand for create,
    select and delete (children), and for read, write and execute.
    """
    _changed("grant", words, dry_run, lambda row: f"granted: {_grant_line(row)}")


@click.command()
@click.argument("words", nargs=-1, metavar="[on SELECTOR] [to SELECTOR]")
@common
def grants(words: tuple[str, ...]) -> None:
    """List the grants that you may see, optionally only those on some particles or to some agents."""
    rows = _body("grants", words)
    if options().json:
        print_json(rows)
    else:
        table(("id", "gives", "on", "to", "by"), ([row[k] for k in ("id", "gives", "on", "to", "by")] for row in rows))


@click.command()
@click.argument("number", metavar="ID")
@_DRY_RUN
@common
def revoke(number: str, dry_run: bool) -> None:
    """Revoke the grant with the number ID; `hyperverse grants` lists them."""
    _changed("revoke", (number,), dry_run, lambda row: f"revoked: {_grant_line(row)}")


@click.command()
@click.argument("selector")
@click.argument("owner", nargs=-1, required=True, metavar="to OWNER")
@_DRY_RUN
@common
def chown(selector: str, owner: tuple[str, ...], dry_run: bool) -> None:
    """Give the particles of SELECTOR to OWNER.

    \b
    hyperverse chown localhost:app+:** to hyperspace:users:scott
    """
    _changed("chown", (selector, *owner), dry_run, lambda row: "\n".join(row["changed"]))


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="AGENT on POINT [METHOD|COMMAND]")
@common
def explain(words: tuple[str, ...]) -> None:
    """Show what AGENT may do on POINT, or whether it may send METHOD or run COMMAND there, and why.

    \b
    hyperverse explain scott on localhost:app
    hyperverse explain localhost:users:scott on localhost:app 'Ext<Add>'
    hyperverse explain scott on localhost:app:new create
    hyperverse explain scott on GLOBAL::machine drain

    A bare AGENT is a user below hyperspace:users. COMMAND is the first word of a command, and POINT the particle that
    the command would name. On GLOBAL::machine, COMMAND is an operation such as drain.
    """
    found = _body("explain", (point_of(words[0]), *words[1:]))
    if options().json:
        print_json(found)
        return
    for line in explained_lines(found):
        print(shown(line))


@click.command()
@click.argument("point")
@common
def access(point: str) -> None:
    """List who may do what on POINT, and by which rule or grants."""
    found = _body("access", (point,))
    if options().json:
        print_json(found)
        return
    rows = ((h["agent"], h["access"], h["rule"], ", ".join(map(str, h["grants"]))) for h in found["holders"])
    table(("agent", "access", "rule", "grants"), rows)
    for remark in (found["note"], "" if found["complete"] else "the list is incomplete: there are more agents"):
        if remark and not options().quiet:
            note(remark)


def _changed(word: str, words: tuple[str, ...], dry_run: bool, line: Any) -> None:
    body = _body(word, (*words, *(("dry-run",) if dry_run else ())))
    if options().json:
        print_json(body)
    elif not dry_run:
        if not options().quiet:
            print("\n".join(map(shown, line(body).split("\n"))))
    else:
        columns = ("agent", "point", "now", "then")
        table(columns, ([row[column] for column in columns] for row in body["would_change"]))
        if not body["complete"]:
            note("the list is incomplete: there are more changes")


def _grant_line(row: dict[str, Any]) -> str:
    return f"{row['id']} {row['gives']} on {row['on']} to {row['to']}"


def _body(word: str, words: tuple[str, ...]) -> Any:
    """Runs one command of the command language and returns its body. A failure is reported as ``exec`` does."""
    from ..talk.results import print_result

    async def run(client: Client) -> Result:
        (result,) = await client.exec(" ".join((word, *words)), check=False)
        return result

    result = talk(run)
    if not result.ok:
        print_result(result, as_json=options().json)
        raise Stop(FAILED)
    return result.body
