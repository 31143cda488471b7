-- The change feed, as it is read.

-- The newest entry that may be read; the last one that was removed when there is none.
create function hv.newest(out xid bigint, out n bigint) language sql stable as $$
  select f.xid::text::bigint, f.n from (
    (select c.xid, c.n from hv.changes c where c.xid < pg_snapshot_xmin(pg_current_snapshot())
     order by c.xid desc, c.n desc limit 1)
    union all
    select p.xid, p.n from hv.pruned p
  ) f order by f.xid desc, f.n desc limit 1
$$;

-- What follows the entry (p_xid, p_n). `waits`: entries are committed that cannot be read yet, because an older
-- transaction is running.
create function hv.changes_since(p_xid bigint, p_n bigint, p_most integer) returns hv.feed_answer
language sql stable as $$
  with place as materialized (
    select pg_snapshot_xmin(pg_current_snapshot()) as below, pg_snapshot_xmax(pg_current_snapshot()) as next
  ),
  read as materialized (
    select c.* from hv.changes c, place
    where (c.xid, c.n) > (p_xid::text::xid8, p_n) and c.xid < place.below
    order by c.xid, c.n limit p_most
  )
  select
    ((select (p.xid, p.n) from hv.pruned p) > (p_xid::text::xid8, p_n)) or p_xid::text::xid8 >= place.next,
    exists (select 1 from hv.changes c where c.xid >= place.below),
    (select xid from hv.newest()), (select n from hv.newest()),
    (select array_agg(r.xid::text::bigint order by r.xid, r.n) from read r),
    (select array_agg(r.n order by r.xid, r.n) from read r),
    (select array_agg(r.kind order by r.xid, r.n) from read r),
    (select array_agg(r.point order by r.xid, r.n) from read r),
    (select array_agg(r.epoch order by r.xid, r.n) from read r)
  from place
$$;

-- Tells the other machines that there is something to read. Its commit does not wait for the disk, because commits with a
-- notification wait for one another.
create function hv.tell(p_channel text) returns void language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  perform pg_notify(p_channel, '');
end $$;

-- Removes entries of the feed that need not be kept, and rows of registries that are not open any more.
create function hv.prune(p_keep bigint, p_most integer) returns boolean language plpgsql as $$
declare
  v_xid xid8;
  v_n bigint;
  v_behind record;
begin
  if not pg_try_advisory_xact_lock(hv_lock, -2) then
    return false;
  end if;
  delete from hv.writers w where w.seen < now() - interval '7 days';
  select c.xid, c.n into v_xid, v_n from hv.changes c
  where c.xid < pg_snapshot_xmin(pg_current_snapshot()) order by c.xid desc, c.n desc offset p_keep limit 1;
  if v_xid is null then
    return false;
  end if;
  select f.xid, f.n into v_behind from (
    select c.xid, c.n from hv.changes c where (c.xid, c.n) <= (v_xid, v_n) order by c.xid, c.n limit p_most
  ) f order by f.xid desc, f.n desc limit 1;
  delete from hv.changes c where (c.xid, c.n) <= (v_behind.xid, v_behind.n);
  update hv.pruned p set xid = v_behind.xid, n = v_behind.n;
  return (v_behind.xid, v_behind.n) <> (v_xid, v_n);
end $$;
