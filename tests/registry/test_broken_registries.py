"""The kit catches registries that are wrong, each in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import attrs
import pytest

from hyperverse_core.errors import Conflict, NotHostedHere
from hyperverse_core.registry import (
    Assigned,
    Assignment,
    ChangeKind,
    Changes,
    MachineKey,
    Page,
    ParticleRecord,
    PropertyValue,
    Registered,
    Registration,
    StarRecord,
    Strategy,
    TokenRecord,
)
from hyperverse_core.testing.memory_particle import MemoryParticle
from hyperverse_core.testing.memory_registry import MemoryRegistry
from hyperverse_core.values import Point, Selector, SetProperty, StarKey, UnsetProperty
from registry.failing_kit import fails


class LosesUpdates(MemoryRegistry):
    async def sequence(self, point: Point) -> int:
        reached = self._at(point).sequence
        await asyncio.sleep(0)
        self._at(point).sequence = reached + 1
        return reached + 1


class LetsTwoRegister(MemoryRegistry):
    async def register(self, registration: Registration) -> Registered:
        known = set(self._particles)
        await asyncio.sleep(0)
        if registration.point in self._particles and registration.point not in known:
            return Registered(self._at(registration.point).record, created=True)
        return await super().register(registration)


class AssignsWithoutComparing(MemoryRegistry):
    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        held = self._particles[point].record.assignment if point in self._particles else None
        return await super().assign(point, star, incarnation, held)


class AssignsToAnyIncarnation(MemoryRegistry):
    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        announced = self._stars.get(star)
        return await super().assign(point, star, announced.incarnation if announced else incarnation, expected)


class BeginsEpochsAnew(MemoryRegistry):
    """Counts the epochs of each particle by themselves, and forgets the count with the particle."""

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        assigned = await super().assign(point, star, incarnation, expected)
        assignment = attrs.evolve(assigned.assignment, epoch=1 if expected is None else expected.epoch + 1)
        particle = self._particles[point]
        particle.record = attrs.evolve(particle.record, assignment=assignment)
        return attrs.evolve(assigned, assignment=assignment)


class SavesWithoutFence(MemoryRegistry):
    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        if point not in self._particles:
            raise NotHostedHere("gone")
        self._particles[point].state = state


class ComparesTheStarOnly(MemoryRegistry):
    async def save_state(self, point: Point, assignment: Assignment, state: bytes, *, announce: bool = False) -> None:
        held = self._particles[point].record.assignment if point in self._particles else None
        if held is not None and held.star == assignment.star:
            assignment = held
        await super().save_state(point, assignment, state, announce=announce)


class TellsOfEachParticle(MemoryRegistry):
    """Has an entry for each particle of a star that goes."""

    def _take_out(self, key: StarKey) -> None:
        super()._take_out(key)
        for particle in self._particles.values():
            held = particle.record.assignment
            if held is not None and held.star == key:
                self._change(particle, ChangeKind.RELEASED, assignment=None)


class ReadsWhatHoldsNoMore(MemoryRegistry):
    def _read(self, particle: MemoryParticle) -> ParticleRecord:
        return particle.record


class RefusesWhoHasReadBefore(MemoryRegistry):
    """Takes an assignment that holds no more for none, and for nothing else."""

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        if expected is not None and self._read(self._at(point)).assignment is None:
            raise Conflict("it is not assigned")
        return await super().assign(point, star, incarnation, expected)


class TellsRevisionsForEpochs(MemoryRegistry):
    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await super().changes(since, timeout=timeout)
        return attrs.evolve(found, entries=tuple(attrs.evolve(one, epoch=one.revision + 7) for one in found.entries))


class ChangesHalfOfTheProperties(MemoryRegistry):
    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        for point in points:
            await super().set_properties([point], changes)


class ForgetsLocks(MemoryRegistry):
    async def set_properties(self, points: Sequence[Point], changes: Sequence[SetProperty | UnsetProperty]) -> None:
        for point in points:
            particle = self._at(point)
            opened = {key: PropertyValue(value.value) for key, value in particle.record.properties.items()}
            particle.record = attrs.evolve(particle.record, properties=opened)
        await super().set_properties(points, changes)


class LeavesChildren(MemoryRegistry):
    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        deleted = [self._particles.pop(point).record for point in dict.fromkeys(points) if point in self._particles]
        self._order = [point for point in self._order if point in self._particles]
        return deleted


class DeletesNeighbours(MemoryRegistry):
    """Takes everything whose text begins alike."""

    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        alike = [found for found in self._order for point in points if found.text.startswith(point.text)]
        return await super().delete([*points, *alike], limit=limit)


class DeletesAllAtOnce(MemoryRegistry):
    """Does not look at the limit."""

    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        return await super().delete(points)


class DeletesParentsFirst(MemoryRegistry):
    """Leaves children without a parent between two slices."""

    async def delete(self, points: Sequence[Point], *, limit: int | None = None) -> list[ParticleRecord]:
        if limit is None:
            return await super().delete(points)
        doomed = [point for point in points if point in self._particles] or [
            found for point in points for found in self._below(point)
        ]
        deleted = [self._particles.pop(point).record for point in doomed[:limit]]
        self._order = [point for point in self._order if point in self._particles]
        return deleted


class ShufflesTheFeed(MemoryRegistry):
    async def changes(self, since: int, *, timeout: float) -> Changes:
        found = await super().changes(since, timeout=timeout)
        return attrs.evolve(found, entries=tuple(reversed(found.entries)))


class NeverLosesTrack(MemoryRegistry):
    async def changes(self, since: int, *, timeout: float) -> Changes:
        return attrs.evolve(await super().changes(since, timeout=timeout), lost=False)


class LogsWhatFails(MemoryRegistry):
    async def register(self, registration: Registration) -> Registered:
        try:
            return await super().register(registration)
        except Conflict:
            self._feed.log(ChangeKind.REGISTERED, registration.point)
            raise


class RenewsSome(MemoryRegistry):
    async def renew(self, stars: Sequence[StarRecord]) -> None:
        for star in stars:
            await super().renew([star])


class ExpiresWhatWasRenewed(MemoryRegistry):
    async def expire(self, star: StarRecord) -> bool:
        held = self._stars.get(star.key)
        return await super().expire(attrs.evolve(star, renewals=held.renewals if held else 0))


class CountsIncarnationsAnew(MemoryRegistry):
    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        await super().withdraw(stars)
        for star in stars:
            self._incarnations.pop(star.key, None)


class ReadsTheRouteToo(MemoryRegistry):
    async def children(self, point: Point, *, after: Point | None = None, limit: int = 100) -> Page:
        found = [known for known in self._order if known.text.startswith(f"{point.text}:")]
        records = [
            self._particles[known].record for known in found if known.text.count(":") <= point.text.count(":") + 2
        ]
        return Page(tuple(records))


class TakesWhatIsBelowOnly(MemoryRegistry):
    async def select(self, selector: Selector, *, after: Point | None = None, limit: int = 100) -> Page:
        page = await super().select(selector, after=after, limit=limit)
        return attrs.evolve(page, records=tuple(r for r in page.records if r.point != selector.query_root))


class KeepsInvitations(MemoryRegistry):
    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        kept = dict(self._invitations)
        await super().set_machine_keys(keys, invitation=invitation)
        self._invitations = kept


class TakesAnyInvitation(MemoryRegistry):
    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        await super().set_machine_keys(keys)


class KeepsAnyLabel(MemoryRegistry):
    """Does not look at the texts of a token."""

    async def add_token(self, token: TokenRecord) -> None:
        self._tokens[token.digest] = token


class KeepsAnyFacts(MemoryRegistry):
    """Looks at the texts of a star when it is announced, and not when it is renewed."""

    async def renew(self, stars: Sequence[StarRecord]) -> None:
        await super().renew([attrs.evolve(star, facts="") for star in stars])
        for star in stars:
            self._stars[star.key] = attrs.evolve(self._stars[star.key], facts=star.facts)


class RefusesInItsOwnWay(MemoryRegistry):
    """Leaves it to its database to refuse a text."""

    async def add_invitation(self, digest: str, seconds: float) -> None:
        if "\0" in digest:
            raise ValueError("NUL")
        await super().add_invitation(digest, seconds)


class CannotLookThemUp(MemoryRegistry):
    async def token(self, digest: str) -> TokenRecord | None:
        digest.encode()
        return await super().token(digest)


class ReplacesWhatUtf8HasNot(MemoryRegistry):
    """Stores properties as UTF-8."""

    def _change(self, particle: MemoryParticle, kind: ChangeKind, **values: object) -> None:
        super()._change(particle, kind, **values)
        kept = {
            key.encode("utf-8", "replace").decode(): value for key, value in dict(particle.record.properties).items()
        }
        particle.record = attrs.evolve(particle.record, properties=kept)


class TrimsLabels(MemoryRegistry):
    async def add_token(self, token: TokenRecord) -> None:
        await super().add_token(attrs.evolve(token, label=token.label.strip()))


class OverridesBeginEpochsAnew(MemoryRegistry):
    async def register(self, registration: Registration) -> Registered:
        registered = await super().register(registration)
        if registration.strategy is Strategy.OVERRIDE:
            self._particles[registration.point].epoch = 0
        return registered


class ForgetsTheStateOfTheDead(MemoryRegistry):
    """Hands over no state with a particle whose star is gone."""

    async def assign(self, point: Point, star: StarKey, incarnation: int, expected: Assignment | None) -> Assigned:
        particle = self._particles[point]
        orphan = self._read(particle).assignment != particle.record.assignment
        assigned = await super().assign(point, star, incarnation, expected)
        return attrs.evolve(assigned, state=None) if orphan else assigned


class WithdrawsAllOrNone(MemoryRegistry):
    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        if all(map(self._is_announced, stars)):
            await super().withdraw(stars)


class ExpiresAnyIncarnation(MemoryRegistry):
    async def expire(self, star: StarRecord) -> bool:
        held = self._stars.get(star.key)
        return held is not None and await super().expire(attrs.evolve(star, incarnation=held.incarnation))


class SpendsInvitationsFirst(MemoryRegistry):
    async def set_machine_keys(self, keys: Sequence[MachineKey], *, invitation: str | None = None) -> None:
        if invitation is not None:
            await super().set_machine_keys([], invitation=invitation)
        await super().set_machine_keys(keys)


_CAUGHT = (
    (LosesUpdates, "test_no_number_of_a_sequence_is_given_twice"),
    (LetsTwoRegister, "test_one_of_many_registers_a_point"),
    (AssignsWithoutComparing, "test_one_of_many_assigns_a_particle"),
    (AssignsWithoutComparing, "test_an_assignment_replaces_the_expected_one_only"),
    (AssignsToAnyIncarnation, "test_only_an_announced_incarnation_is_assigned_to"),
    (BeginsEpochsAnew, "test_nobody_saves_into_a_particle_that_took_the_place_of_a_deleted_one"),
    (BeginsEpochsAnew, "test_epochs_grow_over_releases"),
    (SavesWithoutFence, "test_nobody_saves_with_another_assignment"),
    (SavesWithoutFence, "test_nobody_saves_after_a_release"),
    (ComparesTheStarOnly, "test_nobody_saves_with_another_assignment"),
    (TellsOfEachParticle, "test_one_entry_tells_of_a_star_that_goes_whatever_it_hosts"),
    (TellsOfEachParticle, "test_a_star_with_many_particles_dies_beside_a_machine_that_renews"),
    (ReadsWhatHoldsNoMore, "test_an_assignment_whose_star_is_gone_reads_as_none"),
    (ReadsWhatHoldsNoMore, "test_a_withdrawn_star_is_gone_and_its_assignments_with_it"),
    (RefusesWhoHasReadBefore, "test_an_assignment_whose_star_is_gone_keeps_nobody_from_assigning"),
    (TellsRevisionsForEpochs, "test_the_feed_tells_the_epochs"),
    (ChangesHalfOfTheProperties, "test_properties_change_on_all_points_or_on_none"),
    (ForgetsLocks, "test_a_locked_property_stays"),
    (LeavesChildren, "test_delete_takes_the_subtree_and_nothing_else"),
    (LeavesChildren, "test_nothing_of_a_deleted_particle_comes_back"),
    (DeletesNeighbours, "test_delete_takes_the_subtree_and_nothing_else"),
    (DeletesAllAtOnce, "test_delete_goes_in_slices_children_first"),
    (DeletesParentsFirst, "test_delete_goes_in_slices_children_first"),
    (ShufflesTheFeed, "test_revisions_grow_in_the_order_of_the_commits"),
    (NeverLosesTrack, "test_who_asks_from_the_future_has_lost_track"),
    (LogsWhatFails, "test_what_fails_is_not_in_the_feed"),
    (RenewsSome, "test_a_renewal_of_all_fails_when_one_is_gone"),
    (ExpiresWhatWasRenewed, "test_a_star_that_was_renewed_or_announced_again_does_not_expire"),
    (CountsIncarnationsAnew, "test_incarnations_grow_for_ever"),
    (ReadsTheRouteToo, "test_children_are_the_direct_ones_in_order"),
    (KeepsInvitations, "test_an_invitation_is_spent_once"),
    (KeepsInvitations, "test_one_of_many_spends_an_invitation"),
    (TakesAnyInvitation, "test_an_invitation_whose_time_is_over_lets_nobody_in"),
    (KeepsAnyLabel, "test_a_text_that_not_every_registry_can_keep_is_refused_by_all"),
    (KeepsAnyFacts, "test_a_text_that_not_every_registry_can_keep_is_refused_by_all"),
    (RefusesInItsOwnWay, "test_a_text_that_not_every_registry_can_keep_is_refused_by_all"),
    (CannotLookThemUp, "test_a_look_up_of_such_a_text_finds_nothing"),
    (ReplacesWhatUtf8HasNot, "test_properties_are_any_text"),
    (TrimsLabels, "test_other_texts_come_back_as_they_were"),
    (OverridesBeginEpochsAnew, "test_epochs_grow_over_an_override"),
    (ForgetsTheStateOfTheDead, "test_a_particle_whose_star_is_gone_is_assigned_with_its_state"),
    (WithdrawsAllOrNone, "test_a_star_that_is_gone_keeps_no_other_from_being_withdrawn"),
    (ExpiresAnyIncarnation, "test_a_star_that_was_renewed_or_announced_again_does_not_expire"),
    (SpendsInvitationsFirst, "test_an_invitation_is_not_spent_on_keys_that_are_refused"),
    (TakesWhatIsBelowOnly, "test_select_finds_what_a_look_at_every_particle_finds"),
)


@pytest.mark.parametrize(("broken", "test"), _CAUGHT, ids=lambda value: getattr(value, "__name__", value))
async def test_the_kit_catches_a_broken_registry(broken: type[MemoryRegistry], test: str) -> None:
    await fails(broken, test, AssertionError, pytest.fail.Exception, ValueError)  # the last of a database
